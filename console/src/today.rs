//! `/`, and Today: what needs a person, what runs, and what was done since yesterday.

use axum::{
    Router,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};

use serde_json::json;

use crate::{
    Console,
    page::page,
    visit::{Stop, Visit},
};

/// Runs that are looked at for what is at work.
const RUNS: usize = 20;

pub(crate) fn routes() -> Router<Console> {
    Router::new().route("/w/{ws}", get(today))
}

/// Leads to the first workspace.
pub(crate) async fn home(visit: Visit) -> Response {
    match visit.workspaces.first() {
        Some(workspace) => Redirect::to(&format!("/w/{}", workspace.slug)).into_response(),
        None => Redirect::to("/welcome").into_response(),
    }
}

async fn today(visit: Visit) -> Result<Response, Stop> {
    let runs = visit.get(&format!("/api/v1/invitation-runs?limit={RUNS}")).await?;
    let failures = visit.get("/api/v1/jobs/failures?state=dead&limit=5").await?;
    let templates = visit.get("/api/v1/templates?limit=1").await?;
    let own = json!({ "runs": runs["items"], "failures": failures["items"], "templates": templates["items"] });
    Ok(page(&visit, "today.html").show(own))
}
