//! The messages of a campaign: what became of each, and why.

use axum::{Router, extract::Path, response::Response, routing::get};
use serde_json::json;

use super::moves;
use crate::{
    Console,
    page::page,
    query::{Query, part},
    visit::{Stop, Visit},
};

/// What the address of the page says.
const FILTERS: [&str; 3] = ["state", "address", "cursor"];

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/w/{ws}/campaigns/{id}/messages", get(list))
}

async fn list(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    visit.needs("listMessages")?;
    let query = Query::of(&visit.address);
    let campaign = visit.get(&format!("/api/v1/campaigns/{}", part(&id))).await?;
    let address = format!("/api/v1/messages?campaign={}&{}", part(&id), query.only(&FILTERS));
    let (found, fault) = match visit.ask(&address).await {
        Ok(found) => (found, None),
        // A wrong filter is shown beside an empty list.
        Err(refusal) if refusal.status.as_u16() == 422 => (super::nothing(), Some(refusal.detail)),
        Err(refusal) => return Err(visit.stop(&refusal)),
    };
    let own = json!({ "messages": found["items"], "next_cursor": found["next_cursor"], "fault": fault,
        "state": query.get("state").unwrap_or_default(), "searched": query.get("address").unwrap_or_default(),
        "moves": moves::of(&visit, &campaign, &[], visit.console.clock.now()), "campaign": campaign });
    Ok(page(&visit, "campaigns/messages.html").show(own))
}
