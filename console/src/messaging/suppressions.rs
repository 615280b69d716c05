//! Suppressions: the list with its filters, one address looked up, and the acts.

use axum::{Router, response::Response, routing::get};
use serde_json::{Value, json};

use crate::{
    Console,
    page::page,
    query::Query,
    visit::{Stop, Visit},
};

/// What the address of the list says.
const FILTERS: [&str; 5] = ["channel", "reason", "contact_id", "lifted", "cursor"];

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/w/{ws}/suppressions", get(list))
}

async fn list(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address);
    let found = visit.get(&format!("/api/v1/suppressions?{}", query.only(&FILTERS))).await?;
    let asked: Value =
        FILTERS.iter().map(|name| ((*name).to_owned(), Value::from(query.get(name).unwrap_or_default()))).collect();
    let own = json!({ "suppressions": found["items"], "next_cursor": found["next_cursor"], "asked": asked,
        "now": visit.console.clock.now() });
    Ok(page(&visit, "messaging/suppressions.html").show(own))
}
