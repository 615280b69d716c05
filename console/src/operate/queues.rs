//! Queues: what waits where, within which limits, and what holds it up. They belong to the fleet, not to a workspace.

use axum::{Router, extract::Path, response::Response, routing::get};
use serde_json::json;

use crate::{
    Console,
    page::page,
    query::part,
    visit::{Stop, Visit},
};

pub(crate) fn routes() -> Router<Console> {
    Router::new()
        .route("/w/{ws}/queues", get(list))
        .route("/w/{ws}/queues/events", get(events))
        .route("/w/{ws}/queues/{name}", get(one))
}

async fn list(visit: Visit) -> Result<Response, Stop> {
    let queues = visit.get("/api/v1/queues").await?;
    let items = || queues["items"].as_array().into_iter().flatten();
    let sum = |name: &str| items().filter_map(|queue| queue[name].as_i64()).sum::<i64>();
    let own = json!({
        "ready": sum("ready"),
        "running": sum("running"),
        "paused": items().filter(|queue| queue["paused"] == true).count(),
        "blocked": items().filter(|queue| !queue["blocked_until"].is_null()).count(),
        "queues": queues["items"],
    });
    Ok(page(&visit, "operate/queues.html").show(own))
}

async fn one(visit: Visit, Path((_, name)): Path<(String, String)>) -> Result<Response, Stop> {
    let path = format!("/api/v1/queues/{}", part(&name));
    let queue = visit.get(&path).await?;
    let (limits, version) = visit.versioned(&format!("{path}/limits")).await?;
    let overtaken = visit.filled.overtaken("setQueueLimits", version.as_deref(), &limits);
    let own = json!({ "queue": queue, "limits": limits, "version": version, "overtaken": overtaken });
    Ok(page(&visit, "operate/queue.html").show(own))
}

/// The changes of the queues, as they happen.
async fn events(visit: Visit) -> Response {
    visit.raw("/api/v1/queues/events").await
}
