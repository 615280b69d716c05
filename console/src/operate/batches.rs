//! One batch: jobs that belong together, and how far they are.

use axum::{Router, extract::Path, response::Response, routing::get};
use serde_json::json;

use crate::{
    Console,
    page::page,
    query::part,
    visit::{Stop, Visit},
};

/// The newest jobs that the page shows.
const SHOWN: usize = 10;

pub(crate) fn routes() -> Router<Console> {
    Router::new().route("/w/{ws}/batches/{id}", get(one)).route("/w/{ws}/batches/{id}/events", get(events))
}

async fn one(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    let batch = visit.get(&format!("/api/v1/batches/{}", part(&id))).await?;
    let jobs = visit.get(&format!("/api/v1/jobs?limit={SHOWN}&batch={}", part(&id))).await?;
    let number = |name: &str| batch[name].as_i64().unwrap_or_default();
    let open = number("total") - number("succeeded") - number("dead") - number("cancelled");
    let own = json!({ "open": open.max(0), "jobs": jobs["items"], "batch": batch });
    Ok(page(&visit, "operate/batch.html").show(own))
}

/// The changes of a batch, as they happen.
async fn events(visit: Visit, Path((_, id)): Path<(String, String)>) -> Response {
    visit.raw(&format!("/api/v1/batches/{}/events", part(&id))).await
}
