//! The templates that WhatsApp has approved for the workspace's accounts.

use axum::{Router, response::Response, routing::get};
use serde_json::{Value, json};

use crate::{
    Console,
    page::page,
    query::Query,
    visit::{Stop, Visit},
};

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/w/{ws}/whatsapp-templates", get(list))
}

async fn list(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address);
    let found = visit.get(&format!("/api/v1/whatsapp-templates?{}", query.only(&["state", "connection_id"]))).await?;
    let connections = visit.ask("/api/v1/connections").await.unwrap_or_default();
    let is_account = |one: &&Value| ["twilio", "meta"].iter().any(|kind| one["settings"]["provider"] == *kind);
    let accounts: Vec<&Value> = connections["items"].as_array().into_iter().flatten().filter(is_account).collect();
    let own = json!({ "templates": found["items"], "accounts": accounts,
        "state": query.get("state").unwrap_or_default() });
    Ok(page(&visit, "messaging/whatsapp_templates.html").show(own))
}
