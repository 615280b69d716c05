//! The agency's CRM: the syncs with its list of people, and these people.

use axum::{Router, response::Response, routing::get};
use serde_json::json;

use crate::{
    Console,
    page::page,
    query::Query,
    visit::{Stop, Visit},
};

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/w/{ws}/crm", get(syncs)).route("/w/{ws}/crm/people", get(people))
}

async fn syncs(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address).only(&["cursor"]);
    let found = visit.get(&format!("/api/v1/crm/syncs?{query}")).await?;
    let own = json!({ "syncs": found["items"], "next_cursor": found["next_cursor"] });
    Ok(page(&visit, "settings/crm.html").show(own))
}

async fn people(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address);
    let found = visit.get(&format!("/api/v1/crm/users?{}", query.only(&["conflicts", "cursor"]))).await?;
    let conflicts = query.get("conflicts") == Some("true");
    let own = json!({ "people": found["items"], "next_cursor": found["next_cursor"], "conflicts": conflicts });
    Ok(page(&visit, "settings/crm_people.html").show(own))
}
