//! `/queues`: how much waits, and holding a queue up. Queues are the fleet's, not a workspace's.

use axum::{
    Json, Router,
    extract::State,
    routing::{get, post},
};
use herald_shared::{
    jobs::POLICIES,
    ledger::{self, QueueStatus},
};
use serde::Serialize;

use crate::{Api, input::Name, problem::Problem};

pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/queues", get(list))
        .route("/queues/{name}/pause", post(pause))
        .route("/queues/{name}/resume", post(resume))
}

#[derive(Serialize)]
struct Queues {
    items: Vec<QueueStatus>,
}

/// Every queue: those jobs are made for, and those that still have some.
pub(crate) async fn every(api: &Api) -> Result<Vec<QueueStatus>, Problem> {
    let mut queues = ledger::queues(&api.db).await?;
    for policy in &POLICIES {
        if !queues.iter().any(|queue| queue.name == policy.queue) {
            queues.push(QueueStatus { name: policy.queue.to_owned(), paused: false, ready: 0, running: 0 });
        }
    }
    queues.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(queues)
}

async fn list(State(api): State<Api>) -> Result<Json<Queues>, Problem> {
    Ok(Json(Queues { items: every(&api).await? }))
}

async fn pause(State(api): State<Api>, Name(name): Name) -> Result<Json<QueueStatus>, Problem> {
    set_paused(&api, &name, true).await
}

async fn resume(State(api): State<Api>, Name(name): Name) -> Result<Json<QueueStatus>, Problem> {
    set_paused(&api, &name, false).await
}

async fn set_paused(api: &Api, name: &str, paused: bool) -> Result<Json<QueueStatus>, Problem> {
    one(api, name).await?;
    let mut tx = api.db.begin().await?;
    ledger::set_paused(&mut tx, name, paused).await?;
    tx.commit().await?;
    Ok(Json(one(api, name).await?))
}

async fn one(api: &Api, name: &str) -> Result<QueueStatus, Problem> {
    let queues = every(api).await?;
    queues.into_iter().find(|queue| queue.name == name).ok_or_else(|| Problem::missing("queue", name))
}
