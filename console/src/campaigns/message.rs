//! One message: what became of it, and what was told of it, with the mails that came.

use axum::{Router, extract::Path, response::Response, routing::get};
use serde_json::json;

use crate::{
    Console,
    page::page,
    query::part,
    visit::{Stop, Visit},
};

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/w/{ws}/messages/{id}", get(show))
}

async fn show(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    visit.needs("listMailEvents")?;
    let message = visit.get(&format!("/api/v1/messages/{}", part(&id))).await?;
    let events = visit.get(&format!("/api/v1/messages/{}/events", part(&id))).await?;
    Ok(page(&visit, "campaigns/message.html").show(json!({ "message": message, "events": events })))
}
