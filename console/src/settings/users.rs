//! Everybody of the installation, for its administrators.

use axum::{Router, extract::Path, response::Response, routing::get};
use serde_json::json;

use crate::{
    Console,
    page::page,
    query::{Query, part},
    visit::{Stop, Visit},
};

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/w/{ws}/users", get(list)).route("/w/{ws}/users/{id}", get(one))
}

async fn list(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address).only(&["cursor"]);
    let found = visit.get(&format!("/api/v1/users?{query}")).await?;
    let own = json!({ "users": found["items"], "next_cursor": found["next_cursor"] });
    Ok(page(&visit, "settings/users.html").show(own))
}

async fn one(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    let user = visit.get(&format!("/api/v1/users/{}", part(&id))).await?;
    Ok(page(&visit, "settings/user.html").show(json!({ "user": user })))
}
