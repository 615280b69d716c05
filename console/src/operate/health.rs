//! Health: what Herald needs, and whether it is there.

use axum::{Router, body::to_bytes, response::Response, routing::get};
use futures::join;
use serde_json::{Value, json};

use crate::{Console, page::page, visit::Visit};

/// The longest answer that is read.
const LONGEST: usize = 64 << 10;
/// What the API checks, in people's words, and what depends on it.
const CHECKS: &[(&str, &str, &str)] = &[
    ("database", "Database", "Every page, every call and every job needs it."),
    ("files", "File store", "Pictures, lists and invitations lie in it."),
];

pub(crate) fn routes() -> Router<Console> {
    Router::new().route("/w/{ws}/health", get(show))
}

async fn show(visit: Visit) -> Response {
    let queues = async { if visit.may("listQueues") { queues(&visit).await } else { None } };
    let workers = async { if visit.may("listWorkers") { workers(&visit).await } else { None } };
    let (found, queues, workers) = join!(readiness(&visit), queues, workers);
    let mut rows: Vec<Value> = CHECKS
        .iter()
        .map(|(field, name, why)| {
            let said = found[field].as_str().unwrap_or("Herald did not say");
            json!({ "name": name, "about": why, "ok": said == "ok", "said": said, "link": null })
        })
        .collect();
    rows.extend(queues.into_iter().chain(workers));
    let bad = rows.iter().filter(|row| row["ok"] == false).count();
    page(&visit, "operate/health.html").show(json!({ "rows": rows, "bad": bad }))
}

/// The answer has the same form whether Herald is ready or not, so that its status does not matter.
async fn readiness(visit: &Visit) -> Value {
    let response = visit.raw("/readyz").await;
    let body = to_bytes(response.into_body(), LONGEST).await.unwrap_or_default();
    serde_json::from_slice(&body).unwrap_or_default()
}

async fn queues(visit: &Visit) -> Option<Value> {
    let queues = visit.ask("/api/v1/queues").await.ok()?;
    let held = |queue: &&Value| queue["paused"] == true || !queue["blocked_until"].is_null();
    let names: Vec<&str> =
        queues["items"].as_array()?.iter().filter(held).filter_map(|queue| queue["name"].as_str()).collect();
    let said = match names.as_slice() {
        [] => "none is held up".to_owned(),
        names => format!("paused, or waiting for a provider: {}", names.join(", ")),
    };
    let about = "Jobs of a queue that is held up wait.";
    Some(json!({ "name": "Queues", "about": about, "ok": names.is_empty(), "said": said, "link": "/queues" }))
}

/// One process does its jobs itself: only a fleet has workers to look at.
async fn workers(visit: &Visit) -> Option<Value> {
    let workers = visit.ask("/api/v1/workers").await.ok()?;
    let workers = workers["items"].as_array().filter(|workers| !workers.is_empty())?;
    let alive = workers.iter().filter(|worker| worker["alive"] == true).count();
    let at_work = workers.iter().filter(|worker| worker["alive"] == true && worker["state"] == "running").count();
    let said = match at_work {
        0 => format!("none takes jobs; {alive} are there"),
        _ => format!("{at_work} of {alive} take jobs"),
    };
    let about = "They do the jobs of the fleet.";
    Some(json!({ "name": "Workers", "about": about, "ok": at_work > 0, "said": said, "link": "/workers" }))
}
