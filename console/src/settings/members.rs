//! The members of the workspace, and one member: the role, what they made, and the end of the membership.

use axum::{Router, extract::Path, response::Response, routing::get};
use serde_json::json;

use super::roles;
use crate::{
    Console,
    page::page,
    query::{Query, part},
    visit::{Stop, Visit},
};

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/w/{ws}/members", get(list)).route("/w/{ws}/members/{id}", get(one))
}

async fn list(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address).only(&["cursor"]);
    let found = visit.get(&format!("/api/v1/members?{query}")).await?;
    let own = json!({ "members": found["items"], "next_cursor": found["next_cursor"] });
    Ok(page(&visit, "settings/members.html").show(own))
}

async fn one(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    let member = visit.get(&format!("/api/v1/members/{}", part(&id))).await?;
    let roles = roles(&visit);
    Ok(page(&visit, "settings/member.html").show(json!({ "member": member, "roles": roles })))
}
