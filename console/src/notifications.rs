//! What the person was told in the workspace, and whether they want it by mail.

use axum::{Router, response::Response, routing::get};
use serde_json::json;

use crate::{
    Console,
    page::page,
    query::{Query, part},
    visit::{Stop, Visit},
};

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/w/{ws}/notifications", get(list))
}

async fn list(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address);
    let shown = if query.get("show") == Some("unread") { "unread" } else { "all" };
    let workspace = part(visit.caller.workspace.as_deref().unwrap_or_default());
    let address =
        format!("/api/v1/notifications?workspace={workspace}&unread={}&{}", shown == "unread", query.only(&["cursor"]));
    let found = visit.get(&address).await?;
    let settings = visit.get(&format!("/api/v1/notifications/settings?workspace={workspace}")).await?;
    let own = json!({ "notifications": found["items"], "next_cursor": found["next_cursor"], "shown": shown,
        "settings": settings });
    Ok(page(&visit, "notifications.html").show(own))
}
