//! Templates of messages: the list, one with the mail that a contact would get, the editor, and the blocks.
//!
//! A mail stands in a frame. It comes from an address of its own, whose policy lets it have its own styles and nothing
//! else: what stood in the page itself would be bound by the policy of the page, which allows none.
//!
//! ```text
//! GET  …/{id}       ─▶ the page, with the findings     ┐ frame ─▶ GET …/{id}/mail?contact=…
//! POST …/{id}/edit  ─▶ the page with what was typed    ┘ frame ─▶ POST …/mail, the same form
//! POST …/acts/changeMessageTemplate ─▶ a new version
//! ```

mod blocks;
mod mail;
mod typed;

use axum::{
    Router,
    extract::{Path, Request, State},
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Map, Value, json};

pub(crate) use self::typed::content;
use self::typed::{parts_of, rows_of};
use crate::{
    Console,
    api::Refusal,
    form::{Form, NEW},
    page::page,
    query::{Query, part},
    visit::{Missing, Stop, Visit, to_sign_in},
};

const TEMPLATES: &str = "/api/v1/message-templates";
/// Contacts that are offered for a preview.
const CONTACTS: usize = 20;
/// Versions on the page of a template: the newest.
const VERSIONS: usize = 20;

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/w/{ws}/message-templates", get(list))
        .route("/w/{ws}/message-templates/new", get(new).post(draft))
        .route("/w/{ws}/message-templates/{id}", get(one))
        .route("/w/{ws}/message-templates/{id}/edit", get(edit).post(draft))
        .merge(mail::routes())
        .merge(blocks::routes())
}

async fn list(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address);
    let found = visit.get(&format!("{TEMPLATES}?{}", query.only(&["text", "cursor"]))).await?;
    let own = json!({ "templates": found["items"], "next_cursor": found["next_cursor"],
        "text": query.get("text").unwrap_or_default() });
    Ok(page(&visit, "messaging/message_templates.html").show(own))
}

async fn one(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    let query = Query::of(&visit.address);
    let path = format!("{TEMPLATES}/{}", part(&id));
    let wanted = query.get("version");
    let suffix = wanted.map(|version| format!("?version={}", part(version))).unwrap_or_default();
    let template = visit.get(&format!("{path}{suffix}")).await?;
    let version = wanted.and_then(|version| version.parse().ok()).or(template["version"].as_i64());
    let versions = visit.get(&format!("{path}/versions?limit={VERSIONS}")).await?;
    let checks = visit.get(&format!("{path}/checks")).await?;
    let reader = reader(query.get("contact"), query.get("language"), version);
    let (shown, fault) = match call(&visit, &format!("{path}/preview"), &reader).await {
        Ok(shown) => (shown, None),
        Err(refusal) if refusal.status == StatusCode::UNPROCESSABLE_ENTITY => (Value::Null, Some(refusal.detail)),
        Err(refusal) => return Err(visit.stop(&refusal)),
    };
    let own = json!({ "template": template, "versions": versions["items"], "checks": checks, "shown": shown,
        "fault": fault, "version": version, "contacts": contacts(&visit, query.get("q"), query.get("contact")).await,
        "contact": query.get("contact").unwrap_or_default(), "q": query.get("q").unwrap_or_default(),
        "language": query.get("language").unwrap_or_default(),
        "frame": query.only(&["contact", "language", "version"]) });
    Ok(page(&visit, "messaging/message_template.html").show(own))
}

async fn new(visit: Visit) -> Result<Response, Stop> {
    visit.needs("createMessageTemplate")?;
    match visit.filled.typed("createMessageTemplate") {
        Some(values) => editor(&visit, None, &Form::from_iter(values.clone())).await,
        None => editor(&visit, None, &Form::of(Vec::new())).await,
    }
}

async fn edit(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    visit.needs("changeMessageTemplate")?;
    match visit.filled.typed("changeMessageTemplate") {
        Some(values) => editor(&visit, Some(&id), &Form::from_iter(values.clone())).await,
        None => editor(&visit, Some(&id), &Form::of(Vec::new())).await,
    }
}

/// Shows what was typed, with its findings. Nothing is stored.
async fn draft(State(console): State<Console>, request: Request) -> Response {
    let (visit, form) = match typed_form(&console, request).await {
        Ok(both) => both,
        Err(response) => return response,
    };
    let path = visit.address.split('?').next().unwrap_or_default().to_owned();
    let id = path.strip_suffix("/edit").and_then(|path| path.rsplit('/').next());
    editor(&visit, id, &form).await.unwrap_or_else(IntoResponse::into_response)
}

/// A form of the editor, of a session that goes on.
async fn typed_form(console: &Console, request: Request) -> Result<(Visit, Form), Response> {
    let (mut parts, body) = request.into_parts();
    let visit = match Visit::of(&mut parts, console).await {
        Ok(visit) => visit,
        Err(Missing::Session) => return Err(to_sign_in(parts.uri.path())),
        Err(Missing::Page(stop)) => return Err(stop.into_response()),
    };
    let form = Form::read(Request::from_parts(parts, body)).await;
    let form = form.map_err(|refusal| visit.stop(&refusal).into_response())?;
    if !visit.trusts(&form) {
        let detail = "your session had ended, so nothing was done: open the template again, and type your change there";
        return Err(visit.stop(&Refusal::of(StatusCode::CONFLICT, detail)).into_response());
    }
    Ok((visit, form))
}

/// The editor. An empty form shows what is stored.
async fn editor(visit: &Visit, id: Option<&str>, form: &Form) -> Result<Response, Stop> {
    let (template, version) = match id {
        Some(id) => visit.versioned(&format!("{TEMPLATES}/{}", part(id))).await?,
        None => (json!({ "name": "", "content": starting() }), Some(NEW.to_owned())),
    };
    let is_typed = form.raw("format").is_some();
    let typed = content(form, true);
    let content = if is_typed { &typed } else { &template["content"] };
    let mut body = Map::from_iter([("content".to_owned(), content.clone())]);
    if let Value::Object(reader) = reader(form.get("contact"), form.get("show_language"), None) {
        body.extend(reader);
    }
    let (mut shown, mut fault) = (Value::Null, None);
    if is_typed || id.is_some() {
        match call(visit, &format!("{TEMPLATES}/preview"), &Value::Object(body)).await {
            Ok(answer) => shown = answer,
            Err(refusal) => fault = Some(refusal.detail),
        }
    }
    let blocks = visit.ask("/api/v1/message-blocks").await.unwrap_or_else(|_| json!({ "items": [] }));
    let fields = visit.ask("/api/v1/contact-fields").await.unwrap_or_else(|_| json!({ "items": [] }));
    let rows = if is_typed { parts_of(form) } else { rows_of(content) };
    let seen = form.get("version").map(str::to_owned);
    let is_overtaken = is_typed && id.is_some() && seen.is_some() && seen != version;
    let own = json!({
        "template": template, "is_old": id.is_some(), "version": version, "is_overtaken": is_overtaken,
        "name": if is_typed { json!(form.raw("name")) } else { template["name"].clone() },
        "format": content["format"], "default_language": content["default_language"], "rows": rows,
        "shown": shown, "fault": fault, "blocks": blocks["items"], "fields": fields["items"],
        "contact": form.get("contact").unwrap_or_default(), "q": form.get("q").unwrap_or_default(),
        "show_language": form.get("show_language").unwrap_or_default(),
        "contacts": contacts(visit, form.get("q"), form.get("contact")).await,
    });
    Ok(page(visit, "messaging/message_editor.html").show(own))
}

/// What a new template says at first.
fn starting() -> Value {
    let part = json!({ "subject": "", "body": "Hello {{ first_name | default(\"friend\") }},\n\n" });
    json!({ "format": "markdown", "default_language": "en", "languages": { "en": part } })
}

/// For whom a mail is shown.
fn reader(contact: Option<&str>, language: Option<&str>, version: Option<i64>) -> Value {
    let mut reader = Map::new();
    if let Some(contact) = contact {
        reader.insert("contact_id".to_owned(), contact.into());
    }
    if let Some(language) = language {
        reader.insert("language".to_owned(), language.into());
    }
    if let Some(version) = version {
        reader.insert("version".to_owned(), version.into());
    }
    Value::Object(reader)
}

/// Contacts to choose from: those who were looked for, else the newest; and the chosen one.
pub(crate) async fn contacts(visit: &Visit, words: Option<&str>, chosen: Option<&str>) -> Vec<Value> {
    let search = words.map(|words| format!("&search={}", part(words))).unwrap_or_default();
    let found = visit.ask(&format!("/api/v1/contacts?limit={CONTACTS}{search}")).await.unwrap_or_default();
    let mut contacts = found["items"].as_array().cloned().unwrap_or_default();
    if let Some(chosen) = chosen.filter(|chosen| !contacts.iter().any(|contact| contact["id"] == *chosen))
        && let Ok(contact) = visit.ask(&format!("/api/v1/contacts/{}", part(chosen))).await
    {
        contacts.insert(0, contact);
    }
    contacts.iter().map(|contact| json!({ "id": contact["id"], "name": contact["name"] })).collect()
}

async fn call(visit: &Visit, path: &str, body: &Value) -> Result<Value, Refusal> {
    Ok(visit.console.api.call(&visit.caller, Method::POST, path, &[], Some(body)).await?.body)
}
