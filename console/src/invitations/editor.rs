//! The editor of a template: its manifest with the sample beside it, drawn again for each change.
//!
//! ```text
//! GET  …/edit ─────────────▶ the stored manifest, drawn
//! POST …/edit (Draw, Move) ─▶ the typed manifest, with the slot moved, drawn; nothing is stored
//! POST …/uploads/saveTemplate ─▶ a new version, or this page again with what was typed and what stands now
//! ```
//!
//! The script sends the same forms, and takes the parts of the page that have changed.

use std::collections::BTreeMap;

use axum::{
    Router,
    extract::{Path, Request, State},
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Map, Value, json};

use super::{guests_to_try, kept, passed};
use crate::{
    Console,
    api::Refusal,
    form::Form,
    page::page,
    query::{Query, part},
    visit::{Missing, Stop, Visit, to_sign_in},
};

/// What a field of the sample is called in the form.
const FIELD: &str = "field.";
/// Lines that are numbered: a manifest of 200 slots has some two thousand.
const MOST_LINES: usize = 4_000;
/// Numbers behind the last line, for lines that are typed before the page is drawn again.
const SPARE_LINES: usize = 40;
/// Versions that are looked through for the current one.
const VERSIONS: usize = 500;

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/w/{ws}/templates/{id}/edit", get(open).post(draw))
        .route("/w/{ws}/templates/{id}/draft", get(picture))
}

/// What the person typed.
#[derive(Debug, Default)]
struct Typed {
    /// `None`: the stored one.
    manifest: Option<String>,
    values: BTreeMap<String, String>,
    /// Whether only the drawing is asked for.
    is_part: bool,
}

impl Typed {
    fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// A whole number; a text that is none is left out, because the browser lets nobody type it.
    fn number(&self, name: &str) -> Option<i64> {
        self.get(name)?.parse().ok()
    }

    /// The values of the sample's fields.
    fn fields(&self) -> BTreeMap<&str, &str> {
        self.values.keys().filter_map(|name| Some((name.strip_prefix(FIELD)?, self.get(name)?))).collect()
    }

    /// The request for the drawing of this manifest.
    fn draft(&self, manifest: &str) -> Value {
        let mut body = Map::from_iter([
            ("manifest".to_owned(), manifest.into()),
            ("fields".to_owned(), json!(self.fields())),
            ("format".to_owned(), self.get("format").unwrap_or("jpeg").into()),
        ]);
        for (name, field) in [("guest", "invitation_id"), ("number", "number")] {
            if let Some(value) = self.get(name) {
                body.insert(field.to_owned(), value.into());
            }
        }
        Value::Object(body)
    }
}

async fn open(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    let typed = match visit.filled.typed("saveTemplate") {
        Some(values) => {
            let manifest = values.get("manifest").map(unix);
            Typed { manifest, values: values.clone(), is_part: false }
        }
        None => {
            let query = Query::of(&visit.address);
            let asked = |name: &str| Some((name.to_owned(), query.get(name)?.to_owned()));
            Typed { values: ["guest", "format"].into_iter().filter_map(asked).collect(), ..Typed::default() }
        }
    };
    show(&visit, &id, typed).await
}

/// A text of a form: browsers send every line end as CR LF.
fn unix(text: impl AsRef<str>) -> String {
    text.as_ref().replace("\r\n", "\n")
}

/// Draws what was typed. Nothing is stored, so a repeated form does no harm.
async fn draw(State(console): State<Console>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let visit = match Visit::of(&mut parts, &console).await {
        Ok(visit) => visit,
        Err(Missing::Session) => return to_sign_in(parts.uri.path()),
        Err(Missing::Page(stop)) => return stop.into_response(),
    };
    let id = parts.uri.path().rsplit('/').nth(1).unwrap_or_default().to_owned();
    let form = match Form::read(Request::from_parts(parts, body)).await {
        Ok(form) => form,
        Err(refusal) => return visit.stop(&refusal).into_response(),
    };
    if !visit.trusts(&form) {
        let detail =
            "your session had ended, so nothing was drawn: open the template again, and type your change there";
        return visit.stop(&Refusal::of(StatusCode::CONFLICT, detail)).into_response();
    }
    let values = form.fields().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let is_part = form.get("part").is_some();
    let manifest = form.raw("manifest").map(unix);
    show(&visit, &id, Typed { manifest, values, is_part }).await.unwrap_or_else(IntoResponse::into_response)
}

async fn show(visit: &Visit, id: &str, mut typed: Typed) -> Result<Response, Stop> {
    visit.needs("saveTemplate")?;
    let path = format!("/api/v1/templates/{}", part(id));
    let template = visit.get(&path).await?;
    let stored = template["manifest"].as_str().unwrap_or_default();
    let mut manifest = typed.manifest.take().unwrap_or_else(|| stored.to_owned());
    let mut problems = Vec::new();
    if typed.get("move").is_some() {
        match moved(visit, &typed, &manifest).await {
            Ok(text) => manifest = text,
            Err(refusal) => problems = listed(&refusal),
        }
    }
    let mut drawn = Value::Null;
    if problems.is_empty() {
        match call(visit, &format!("{path}/draft"), &typed.draft(&manifest)).await {
            Ok(answer) => drawn = answer,
            Err(refusal) => problems = listed(&refusal),
        }
    }
    let picture = drawn["picture_url"].as_str().and_then(|url| url.split_once('?')).map(|(_, query)| query.to_owned());
    let lines: Vec<bool> = lines(&manifest, &problems);
    let versions = visit.ask(&format!("{path}/versions?limit={VERSIONS}")).await.unwrap_or_default();
    let versions = versions["items"].as_array().cloned().unwrap_or_default();
    let current = versions.iter().find(|one| one["is_current"] == true).cloned().unwrap_or_default();
    let own = versions.iter().find(|one| one["id"] == template["id"]).cloned().unwrap_or_default();
    // Somebody stored another version after the person had opened the page. From now on the person has seen it.
    let current_id = current["id"].as_str().unwrap_or_default();
    let stands = match typed.get("after") {
        Some(seen) if seen != current_id && !typed.is_part => {
            visit.ask(&format!("/api/v1/templates/{}", part(current_id))).await.unwrap_or_default()
        }
        _ => Value::Null,
    };
    let guests = match typed.is_part && typed.get("seek").is_none() {
        true => Vec::new(),
        false => guests_to_try::offered(visit, typed.get("guest"), typed.get("find")).await,
    };
    let slot = typed.number("slot").and_then(|number| usize::try_from(number).ok()?.checked_sub(1));
    let slot = slot.and_then(|index| drawn["slots"].get(index)).cloned();
    Ok(page(visit, "invitations/editor.html").show(json!({
        "template": template, "manifest": manifest, "is_changed": manifest != stored, "lines": lines,
        "problems": problems, "drawn": drawn, "picture": picture, "slot": slot, "values": typed.values,
        "guests": guests, "current": current, "own": own, "stands": stands,
    })))
}

/// The manifest with the chosen slot at the typed place.
async fn moved(visit: &Visit, typed: &Typed, manifest: &str) -> Result<String, Refusal> {
    let mut body = Map::from_iter([("manifest".to_owned(), Value::from(manifest))]);
    for name in ["slot", "x", "y", "width", "height"] {
        if let Some(number) = typed.number(name) {
            body.insert(name.to_owned(), number.into());
        }
    }
    let answer = call(visit, "/api/v1/templates/move-slot", &Value::Object(body)).await?;
    Ok(answer["manifest"].as_str().unwrap_or(manifest).to_owned())
}

async fn call(visit: &Visit, path: &str, body: &Value) -> Result<Value, Refusal> {
    Ok(visit.console.api.call(&visit.caller, Method::POST, path, &[], Some(body)).await?.body)
}

/// What is wrong, each with its line where it is known.
fn listed(refusal: &Refusal) -> Vec<Value> {
    if refusal.errors.is_empty() {
        return vec![json!({ "line": null, "detail": refusal.detail })];
    }
    // The line stands before the message, so that the file and the position are not said twice.
    let said = |detail: &str| {
        let rest = detail.strip_prefix("template.toml:").unwrap_or(detail);
        let rest = rest.trim_start_matches(|char: char| char.is_ascii_digit() || char == ':');
        rest.trim_start().to_owned()
    };
    refusal.errors.iter().map(|fault| json!({ "line": fault.line, "detail": said(&fault.detail) })).collect()
}

/// For each numbered line, whether it has a problem.
fn lines(manifest: &str, problems: &[Value]) -> Vec<bool> {
    let count = (manifest.matches('\n').count() + SPARE_LINES).min(MOST_LINES);
    let mut lines = vec![false; count];
    for line in problems.iter().filter_map(|problem| problem["line"].as_u64()) {
        if let Some(line) = usize::try_from(line).ok().and_then(|line| lines.get_mut(line.checked_sub(1)?)) {
            *line = true;
        }
    }
    lines
}

/// The picture of the person's latest draft.
async fn picture(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    let query = Query::of(&visit.address).only(&["format", "mark"]);
    Ok(kept(passed(&visit, &format!("/api/v1/templates/{}/draft?{query}", part(&id))).await?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Fault;

    #[test]
    fn a_problem_has_its_line_and_no_position_in_its_words() {
        let mut refusal = Refusal::of(StatusCode::UNPROCESSABLE_ENTITY, "wrong");
        let detail = "template.toml:7:3: slot 1 (qr): box: is too small".to_owned();
        refusal.errors.push(Fault { pointer: "/template".to_owned(), detail, line: Some(7) });
        let problems = listed(&refusal);
        assert_eq!(problems, [json!({ "line": 7, "detail": "slot 1 (qr): box: is too small" })]);
        let lines = lines(&"\n".repeat(9), &problems);
        assert_eq!(lines.iter().filter(|is_wrong| **is_wrong).count(), 1);
        assert!(lines[6] && lines.len() == 9 + SPARE_LINES);
    }

    #[test]
    fn only_what_was_typed_is_drawn() {
        let values = [("field.name", " Ada "), ("field.table", ""), ("guest", ""), ("number", "7"), ("slot", "2")];
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let draft = Typed { values, ..Typed::default() }.draft("name = 1");
        assert_eq!(
            draft,
            json!({ "manifest": "name = 1", "fields": { "name": "Ada" }, "format": "jpeg", "number": "7" })
        );
    }
}
