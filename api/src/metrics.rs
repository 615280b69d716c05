//! `/metrics`: counts for Prometheus. What the ledger knows is read when asked for.

use std::collections::HashMap;

use axum::{
    Router,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use herald_shared::ledger;

use crate::{Api, limits, problem::Problem, queues};

pub(crate) fn routes() -> Router<Api> {
    Router::new().route("/metrics", get(show)).layer(axum::middleware::from_fn(limits::in_time))
}

async fn show(State(api): State<Api>) -> Result<Response, Problem> {
    refresh(&api).await?;
    api.metrics.run_upkeep();
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], api.metrics.render()).into_response())
}

async fn refresh(api: &Api) -> Result<(), Problem> {
    let now = api.db.now();
    let due: HashMap<String, _> = ledger::oldest_due(&api.db).await?.into_iter().collect();
    for queue in queues::every(api).await? {
        // A queue with nothing due says so: a gauge nobody sets keeps its last value.
        let age = due.get(&queue.name).map_or(0.0, |since| (now - *since).as_seconds_f64());
        metrics::gauge!("herald_queue_oldest_due_age_seconds", "queue" => queue.name.clone()).set(age);
        metrics::gauge!("herald_queue_paused", "queue" => queue.name.clone()).set(u8::from(queue.paused));
        for (state, jobs) in [("ready", queue.ready), ("running", queue.running)] {
            metrics::gauge!("herald_queue_jobs", "queue" => queue.name.clone(), "state" => state).set(jobs as f64);
        }
    }
    let (used, open) = api.db.pool_size();
    metrics::gauge!("herald_db_connections", "state" => "used").set(used as f64);
    metrics::gauge!("herald_db_connections", "state" => "open").set(open as f64);
    Ok(())
}
