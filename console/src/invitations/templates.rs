//! Templates: drawn samples of all, one with its slots and other values, and the form that uploads one.

use std::collections::BTreeMap;

use axum::{Router, extract::Path, response::Response, routing::get};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{kept, passed, runs::with_names};
use crate::{
    Console, api,
    operate::actors,
    page::page,
    query::{Query, part},
    visit::{Stop, Visit},
};

/// Templates on a page of the list: each is drawn.
const TEMPLATES: usize = 24;
/// Runs of a template that its page shows.
const RUNS_SHOWN: usize = 8;
/// What a field of the sample is called in the address of its page.
const FIELD: &str = "field.";

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/w/{ws}/templates", get(list))
        .route("/w/{ws}/templates/new", get(form))
        .route("/w/{ws}/templates/{id}", get(one))
        .route("/w/{ws}/templates/{id}/preview", get(preview))
}

async fn list(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address);
    let path = format!("/api/v1/templates?current=true&limit={TEMPLATES}&{}", query.only(&["cursor"]));
    let found = visit.get(&path).await?;
    let own = json!({ "templates": found["items"], "next_cursor": found["next_cursor"] });
    Ok(page(&visit, "invitations/templates.html").show(own))
}

async fn form(visit: Visit) -> Result<Response, Stop> {
    visit.needs("uploadTemplate")?;
    Ok(page(&visit, "invitations/new_template.html").show(json!({})))
}

async fn one(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    let template = visit.get(&format!("/api/v1/templates/{}", part(&id))).await?;
    let query = Query::of(&visit.address);
    let values = values(&template, &query);
    let format = query.get("format");
    let sample = sample(&values, format);
    // The picture cannot say why it was not drawn, so the page asks as well when somebody wants other values.
    let (notes, fault) = match sample.is_empty() {
        true => (Value::Null, None),
        false => drawn(&visit, &id, &sample).await,
    };
    let found = visit.get(&format!("/api/v1/invitation-runs?limit={RUNS_SHOWN}&template={}", part(&id))).await?;
    let runs = with_names(&visit, &found["items"]).await;
    let path = format!("/api/v1/templates/{}/versions?{}", part(&id), query.only(&["cursor"]));
    let versions = visit.get(&path).await?;
    let people = actors::people(&visit).await;
    let versions_next = versions["next_cursor"].clone();
    let mut versions = versions["items"].as_array().cloned().unwrap_or_default();
    for version in &mut versions {
        for who in ["made_by", "chosen_by"] {
            version[who] = version[who].as_str().map(|who| actors::name(who, &people)).into();
        }
    }
    let number = versions.iter().find(|one| one["id"] == template["id"]).map(|one| one["number"].clone());
    let own = json!({ "template": template, "values": values, "format": format, "sample": sample, "notes": notes,
        "fault": fault, "runs": runs, "more_runs": !found["next_cursor"].is_null(),
        "versions": versions, "next_cursor": versions_next, "number": number });
    Ok(page(&visit, "invitations/template.html").show(own))
}

/// The values for the template's fields that stand in the address.
fn values(template: &Value, query: &Query) -> BTreeMap<String, String> {
    let fields = template["fields"].as_array().into_iter().flatten().filter_map(Value::as_str);
    fields.filter_map(|field| Some((field.to_owned(), query.get(&format!("{FIELD}{field}"))?.to_owned()))).collect()
}

/// The query of the API for a sample with these values.
fn sample(values: &BTreeMap<String, String>, format: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(values).extend_pairs(format.map(|format| ("format", format)));
    query.finish()
}

/// The remarks about a sample, and why it was not drawn.
async fn drawn(visit: &Visit, id: &str, sample: &str) -> (Value, Option<String>) {
    let response = visit.raw(&format!("/api/v1/templates/{}/preview?{sample}", part(id))).await;
    if response.status().is_success() {
        let notes =
            response.headers().get("herald-notes").and_then(|notes| serde_json::from_slice(notes.as_bytes()).ok());
        return (notes.unwrap_or_default(), None);
    }
    (Value::Null, api::read(response).await.err().map(|refusal| refusal.detail))
}

/// The drawn sample.
async fn preview(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    let query = visit.address.split_once('?').map_or("", |(_, query)| query);
    Ok(kept(passed(&visit, &format!("/api/v1/templates/{}/preview?{query}", part(&id))).await?))
}
