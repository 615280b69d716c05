//! Invitations into the workspace: made for one address or for so many people, and taken back.

use axum::{Router, response::Response, routing::get};
use serde_json::json;

use super::{roles, standing};
use crate::{
    Console,
    page::page,
    query::Query,
    visit::{Stop, Visit},
};

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/w/{ws}/members/invite", get(show))
}

async fn show(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address).only(&["cursor"]);
    let mut found = visit.get(&format!("/api/v1/workspace-invitations?{query}")).await?;
    standing::note(&mut found["items"], visit.console.clock.now());
    let own = json!({ "invitations": found["items"], "next_cursor": found["next_cursor"], "roles": roles(&visit) });
    Ok(page(&visit, "settings/invite.html").show(own))
}
