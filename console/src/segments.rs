//! Segments: the list, who belongs to one, and the form that builds one. The rules stand in the address of the form, so
//! that it shows whom they mean before anything is saved.

mod rows;

use axum::{Router, extract::Path, response::Response, routing::get};
use serde_json::{Value, json};

use self::rows::{ROWS, rows_of, rule_of};
use crate::{
    Console,
    form::{Form, NEW},
    page::page,
    query::{Query, part},
    visit::{Stop, Visit},
};

/// Snapshots on the page of a segment: the newest.
const SNAPSHOTS: usize = 20;

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/w/{ws}/segments", get(list))
        .route("/w/{ws}/segments/new", get(new))
        .route("/w/{ws}/segments/{id}", get(one))
        .route("/w/{ws}/segments/{id}/edit", get(edit))
}

async fn list(visit: Visit) -> Result<Response, Stop> {
    let found = visit.get("/api/v1/segments").await?;
    Ok(page(&visit, "contacts/segments.html").show(json!({ "segments": found["items"] })))
}

async fn one(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    let address = format!("/api/v1/segments/{}", part(&id));
    let segment = visit.get(&address).await?;
    let members = visit.get(&format!("{address}/members")).await?;
    let snapshots = visit.get(&format!("{address}/snapshots?limit={SNAPSHOTS}")).await?;
    let own = json!({ "snapshots": snapshots["items"], "segment": segment, "members": members,
        "rows": rows_of(&segment["rule"]), "written": written(&segment["rule"]) });
    Ok(page(&visit, "contacts/segment.html").show(own))
}

async fn new(visit: Visit) -> Result<Response, Stop> {
    visit.needs("createSegment")?;
    form(&visit, &json!({ "name": "" }), Some(NEW.to_owned())).await
}

async fn edit(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    visit.needs("changeSegment")?;
    let (segment, version) = visit.versioned(&format!("/api/v1/segments/{}", part(&id))).await?;
    form(&visit, &segment, version).await
}

async fn form(visit: &Visit, segment: &Value, version: Option<String>) -> Result<Response, Stop> {
    let segments = visit.get("/api/v1/segments").await?;
    let tags = visit.ask("/api/v1/tags?limit=200").await.unwrap_or_else(|_| json!({ "items": [] }));
    let fields = visit.get("/api/v1/contact-fields").await?;
    let query = Query::of(&visit.address);
    let is_asked = query.get("match").is_some();
    // What is written as JSON counts before the rows.
    let written_by_hand = query.get("json").filter(|json| !json.trim().is_empty());
    let (rule, mut fault) = match (is_asked, written_by_hand) {
        (true, Some(text)) => match serde_json::from_str::<Value>(text) {
            Ok(rule) => (rule, None),
            Err(error) => (Value::Null, Some(format!("the rule is not JSON: {error}"))),
        },
        (true, None) => match rule_of(|name| query.get(name).map(str::to_owned), &segments["items"]) {
            Ok(rule) => (rule, None),
            Err(fault) => (Value::Null, Some(fault)),
        },
        (false, _) => (segment["rule"].clone(), None),
    };
    let mut members = Value::Null;
    if let Some(operation) = visit.console.description.operation("previewSegment").filter(|_| !rule.is_null()) {
        match visit.call(operation, &Form::of(Vec::new()), Some(&json!({ "rule": rule }))).await {
            Ok(answer) => members = answer.body,
            Err(refusal) if refusal.status.as_u16() == 422 => fault = Some(refusal.detail),
            Err(refusal) => return Err(visit.stop(&refusal)),
        }
    }
    let rows = if is_asked && written_by_hand.is_none() {
        let of = |name: &str, at: usize| query.get(&format!("{name}_{at}")).unwrap_or_default().to_owned();
        let row = |at| {
            let [what, is, value, days] = ["what", "is", "value", "days"].map(|name| of(name, at));
            json!({ "what": what, "is": is, "value": value, "days": days })
        };
        Some((0..ROWS).map(row).collect())
    } else {
        rows_of(&rule)
    };
    let own = json!({ "segment": segment, "version": version, "rule": rule, "written": written(&rule),
        "members": members, "fault": fault, "rows": padded(rows), "has_rows": written_by_hand.is_none(),
        "match": query.get("match").unwrap_or(if rule["any"].is_array() { "any" } else { "all" }),
        "segments": segments["items"], "tags": tags["items"], "fields": fields["items"] });
    Ok(page(visit, "contacts/segment_form.html").show(own))
}

/// The rule as a person may edit it.
fn written(rule: &Value) -> String {
    if rule.is_null() { String::new() } else { serde_json::to_string_pretty(rule).unwrap_or_default() }
}

/// The rows of the form: some are always empty. None, if the rule has no form of rows.
fn padded(rows: Option<Vec<Value>>) -> Value {
    let Some(mut rows) = rows else { return Value::Null };
    while rows.len() < ROWS {
        rows.push(json!({ "what": "", "is": "equal", "value": "", "days": "" }));
    }
    rows.into()
}
