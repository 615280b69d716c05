//! Fields of contacts that have a type: the list with the form of a new one, and one with what does not fit it.

use axum::{Router, extract::Path, response::Response, routing::get};
use serde_json::json;

use crate::{
    Console,
    page::page,
    query::part,
    visit::{Stop, Visit},
};

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/w/{ws}/contact-fields", get(list)).route("/w/{ws}/contact-fields/{id}", get(one))
}

async fn list(visit: Visit) -> Result<Response, Stop> {
    let found = visit.get("/api/v1/contact-fields").await?;
    Ok(page(&visit, "contacts/fields.html").show(json!({ "fields": found["items"] })))
}

async fn one(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    let field = visit.get(&format!("/api/v1/contact-fields/{}", part(&id))).await?;
    Ok(page(&visit, "contacts/field.html").show(json!({ "field": field })))
}
