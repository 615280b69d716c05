//! `/queues`: how much waits, what a queue may do, and holding it up. Queues are the fleet's, not a workspace's.

use axum::{
    Json, Router,
    extract::{Path, Request, State},
    routing::{get, post, put},
};
use herald_shared::{
    connections::ProviderKind,
    jobs::POLICIES,
    ledger::{
        self, KeyRow, QueueLimits, QueueStatus,
        audit::{self, Entry},
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    Api,
    actor::By,
    input::{self, Name},
    problem::{Fault, Kind, Problem},
};

/// Jobs at once at most, for one key.
const MOST_AT_ONCE: i64 = 1_000_000;

pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/queues", get(list))
        .route("/queues/{name}", get(show))
        .route("/queues/{name}/limits", put(set_limits))
        .route("/queues/{name}/keys/{key}", put(set_key))
        .route("/queues/{name}/unblock", post(unblock))
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
    // Uploads wait in a queue of their account's, which no kind names.
    let outside = ProviderKind::Google.queue();
    for name in POLICIES.iter().map(|policy| policy.queue).chain([outside]) {
        if !queues.iter().any(|queue| queue.name == name) {
            queues.push(QueueStatus {
                name: name.to_owned(),
                limits: QueueLimits { rate_seconds: 1, ..QueueLimits::default() },
                ..QueueStatus::default()
            });
        }
    }
    queues.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(queues)
}

async fn list(State(api): State<Api>) -> Result<Json<Queues>, Problem> {
    Ok(Json(Queues { items: every(&api).await? }))
}

/// A queue with the keys that have limits of their own.
#[derive(Serialize)]
struct QueueView {
    #[serde(flatten)]
    queue: QueueStatus,
    keys: Vec<KeyRow>,
}

async fn view(api: &Api, name: &str) -> Result<Json<QueueView>, Problem> {
    let queue = one(api, name).await?;
    Ok(Json(QueueView { queue, keys: ledger::queue_keys(&api.db, name).await? }))
}

async fn show(State(api): State<Api>, Name(name): Name) -> Result<Json<QueueView>, Problem> {
    view(&api, &name).await
}

/// All of a queue's limits; what is left out has none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    rate: Option<i64>,
    #[serde(default = "a_second")]
    rate_seconds: i64,
    burst: Option<i64>,
    concurrency: Option<i64>,
    key_concurrency: Option<i64>,
}

fn a_second() -> i64 {
    1
}

async fn set_limits(
    State(api): State<Api>,
    By(actor): By,
    Name(name): Name,
    request: Request,
) -> Result<Json<QueueView>, Problem> {
    one(&api, &name).await?;
    let Limits { rate, rate_seconds, burst, concurrency, key_concurrency } = input::json(request).await?;
    let limits = QueueLimits { rate, rate_seconds, burst, concurrency, key_concurrency };
    let faults: Vec<Fault> = limits
        .check()
        .into_iter()
        .map(|bad| Fault::new(bad.field, format!("{} is not possible: {}", bad.field, bad.rule)))
        .collect();
    if !faults.is_empty() {
        return Err(Problem::faults(Kind::InvalidField, faults));
    }
    let mut tx = api.db.begin().await?;
    ledger::set_limits(&mut tx, &name, &limits).await?;
    let detail = serde_json::to_value(&limits).unwrap_or_default();
    audit::record(&mut tx, &actor, Entry::of("queue.limits", &name).with(detail)).await?;
    tx.commit().await?;
    view(&api, &name).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyLimit {
    /// `null`: what the queue says for all keys.
    concurrency: Option<i64>,
}

async fn set_key(
    State(api): State<Api>,
    By(actor): By,
    Path((name, key)): Path<(String, String)>,
    request: Request,
) -> Result<Json<QueueView>, Problem> {
    one(&api, &name).await?;
    let KeyLimit { concurrency } = input::json(request).await?;
    if concurrency.is_some_and(|concurrency| !(1..=MOST_AT_ONCE).contains(&concurrency)) {
        return Err(Problem::field("concurrency", format!("use 1 to {MOST_AT_ONCE}, or null for the queue's own")));
    }
    let mut tx = api.db.begin().await?;
    ledger::set_key_concurrency(&mut tx, &name, &key, concurrency).await?;
    let detail = serde_json::json!({ "key": key, "concurrency": concurrency });
    audit::record(&mut tx, &actor, Entry::of("queue.key", &name).with(detail)).await?;
    tx.commit().await?;
    view(&api, &name).await
}

async fn unblock(State(api): State<Api>, By(actor): By, Name(name): Name) -> Result<Json<QueueView>, Problem> {
    one(&api, &name).await?;
    let mut tx = api.db.begin().await?;
    ledger::unblock(&mut tx, &name).await?;
    audit::record(&mut tx, &actor, Entry::of("queue.unblock", &name)).await?;
    tx.commit().await?;
    view(&api, &name).await
}

async fn pause(State(api): State<Api>, by: By, Name(name): Name) -> Result<Json<QueueStatus>, Problem> {
    set_paused(&api, by, &name, true).await
}

async fn resume(State(api): State<Api>, by: By, Name(name): Name) -> Result<Json<QueueStatus>, Problem> {
    set_paused(&api, by, &name, false).await
}

async fn set_paused(api: &Api, By(actor): By, name: &str, paused: bool) -> Result<Json<QueueStatus>, Problem> {
    one(api, name).await?;
    let mut tx = api.db.begin().await?;
    ledger::set_paused(&mut tx, name, paused).await?;
    let action = if paused { "queue.pause" } else { "queue.resume" };
    audit::record(&mut tx, &actor, Entry::of(action, name)).await?;
    tx.commit().await?;
    Ok(Json(one(api, name).await?))
}

async fn one(api: &Api, name: &str) -> Result<QueueStatus, Problem> {
    let queues = every(api).await?;
    queues.into_iter().find(|queue| queue.name == name).ok_or_else(|| Problem::missing("queue", name))
}
