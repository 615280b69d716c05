//! `/queues`: the backlog of each queue, its limits, and its pauses. Queues belong to the fleet, not to a workspace.

use axum::{
    Json,
    extract::{Request, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use herald_accounts::ProviderKind;
use herald_ledger as ledger;
use herald_ledger::{
    KeyRow, QueueLimits, QueueStatus,
    audit::{self, Entry},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Api,
    front::{
        actor::By,
        conditional::{self, Precondition, Tag},
        input::{self, Name, NameAndKey},
        problem::{Fault, Kind, Problem},
    },
};

/// The largest limit on the concurrent jobs of one key.
const MOST_AT_ONCE: i64 = 1_000_000;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(limits, set_limits))
        .routes(routes!(set_key))
        .routes(routes!(unblock))
        .routes(routes!(pause))
        .routes(routes!(resume))
}

/// Every queue.
#[derive(Serialize, ToSchema)]
struct Queues {
    items: Vec<QueueStatus>,
}

/// All queues: those that a kind of job uses, and those that still contain jobs.
pub(crate) async fn every(api: &Api) -> Result<Vec<QueueStatus>, Problem> {
    let mut queues = ledger::list_queues_with(&api.db, &api.queue_counts).await?;
    for name in used() {
        if !queues.iter().any(|queue| queue.name == name) {
            queues.push(QueueStatus::unlimited(name));
        }
    }
    queues.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(queues)
}

/// The queues that kinds of job use.
fn used() -> impl Iterator<Item = &'static str> {
    // Uploads wait in a queue of the account's provider, which no kind names.
    ledger::kinds().iter().map(|kind| kind.policy.queue).chain([ProviderKind::Google.queue()])
}

/// Lists every queue.
#[utoipa::path(get, path = "/queues", operation_id = "listQueues", tag = "queues",
    responses(
        (status = 200, description = "The queues", body = Queues),
    )
)]
async fn list(State(api): State<Api>) -> Result<Json<Queues>, Problem> {
    Ok(Json(Queues { items: every(&api).await? }))
}

/// A queue with the keys that have limits of their own.
#[derive(Serialize, ToSchema)]
#[schema(as = Queue)]
struct QueueView {
    #[serde(flatten)]
    queue: QueueStatus,
    /// The keys with limits of their own.
    keys: Vec<KeyRow>,
}

async fn view(api: &Api, name: &str) -> Result<Json<QueueView>, Problem> {
    let queue = one(api, name).await?;
    Ok(Json(QueueView { queue, keys: ledger::queue_keys(&api.db, name).await? }))
}

/// Returns a queue with the keys that have limits of their own.
#[utoipa::path(get, path = "/queues/{name}", operation_id = "getQueue", tag = "queues",
    responses(
        (status = 200, description = "The queue", body = QueueView),
    )
)]
async fn show(State(api): State<Api>, Name(name): Name) -> Result<Json<QueueView>, Problem> {
    view(&api, &name).await
}

/// All limits of a queue. A missing field means that there is no such limit.
#[derive(Deserialize, ToSchema)]
#[schema(as = QueueLimitsRequest)]
#[serde(deny_unknown_fields)]
struct Limits {
    /// The units of cost that may start in `rate_seconds`.
    #[schema(minimum = 1, maximum = 1_000_000)]
    rate: Option<i64>,
    /// The seconds over which `rate` counts.
    #[schema(minimum = 1, maximum = 86_400, default = 1)]
    #[serde(default = "a_second")]
    rate_seconds: i64,
    /// The units of cost that may start at once after a pause.
    #[schema(minimum = 1, maximum = 1_000_000)]
    burst: Option<i64>,
    /// The number of jobs that may run at once.
    #[schema(minimum = 1, maximum = 1_000_000)]
    concurrency: Option<i64>,
    /// The number of jobs that may run at once for each key.
    #[schema(minimum = 1, maximum = 1_000_000)]
    key_concurrency: Option<i64>,
    /// The number of jobs that may run at once for each workspace.
    #[schema(minimum = 1, maximum = 1_000_000)]
    workspace_concurrency: Option<i64>,
}

fn a_second() -> i64 {
    1
}

/// Returns the limits of a queue.
#[utoipa::path(get, path = "/queues/{name}/limits", operation_id = "getQueueLimits", tag = "queues",
    responses((status = 200, description = "The limits of the queue", body = QueueLimits,
        headers(("etag" = String, description = "The version of the limits, for If-Match and If-None-Match"))))
)]
async fn limits(State(api): State<Api>, Name(name): Name, headers: HeaderMap) -> Result<Response, Problem> {
    conditional::show(&headers, &limits_of(&api, &name).await?)
}

/// Sets all limits of a queue at once. A missing field removes that limit.
#[utoipa::path(put, path = "/queues/{name}/limits", operation_id = "setQueueLimits", tag = "queues",
    request_body = Limits,
    responses(
        (status = 200, description = "The queue", body = QueueView, headers(("etag" = String,
            description = "The version of the limits, for If-Match"))),
    )
)]
async fn set_limits(
    State(api): State<Api>,
    By(actor): By,
    Name(name): Name,
    request: Request,
) -> Result<Response, Problem> {
    limits_of(&api, &name).await?;
    let precondition = Precondition::of(request.headers());
    let Limits { rate, rate_seconds, burst, concurrency, key_concurrency, workspace_concurrency } =
        input::json(request).await?;
    let limits = QueueLimits { rate, rate_seconds, burst, concurrency, key_concurrency, workspace_concurrency };
    let faults: Vec<Fault> = limits
        .check()
        .into_iter()
        .map(|bad| Fault::new(bad.field, format!("{} is out of range: {}", bad.field, bad.rule)))
        .collect();
    if !faults.is_empty() {
        return Err(Problem::faults(Kind::InvalidField, faults));
    }
    let mut tx = api.db.begin().await?;
    let known = ledger::lock_limits(&mut tx, &name).await?;
    precondition.check(Some(&Tag::of_json(&known)?))?;
    ledger::set_limits(&mut tx, &name, &limits).await?;
    let detail = serde_json::to_value(&limits).unwrap_or_default();
    audit::record(&mut tx, &actor, Entry::of("queue.limits", &name).with(detail)).await?;
    tx.commit().await?;
    let mut response = view(&api, &name).await?.into_response();
    Tag::of_json(&limits)?.put(response.headers_mut());
    Ok(response)
}

/// The limit of one key.
#[derive(Deserialize, ToSchema)]
#[schema(as = QueueKeyRequest)]
#[serde(deny_unknown_fields)]
struct KeyLimit {
    /// The number of jobs that may run at once; `null` means the queue's limit for all keys.
    #[schema(minimum = 1, maximum = 1_000_000)]
    concurrency: Option<i64>,
}

/// Sets how many jobs of one key, such as a host or an account, run at once.
#[utoipa::path(put, path = "/queues/{name}/keys/{key}", operation_id = "setQueueKey", tag = "queues",
    request_body = KeyLimit,
    responses(
        (status = 200, description = "The queue", body = QueueView),
    )
)]
async fn set_key(
    State(api): State<Api>,
    By(actor): By,
    NameAndKey(name, key): NameAndKey,
    request: Request,
) -> Result<Json<QueueView>, Problem> {
    limits_of(&api, &name).await?;
    let KeyLimit { concurrency } = input::json(request).await?;
    if concurrency.is_some_and(|concurrency| !(1..=MOST_AT_ONCE).contains(&concurrency)) {
        return Err(Problem::field(
            "concurrency",
            format!("concurrency is out of range: use 1 to {MOST_AT_ONCE}, or null for the queue's own limit"),
        ));
    }
    let mut tx = api.db.begin().await?;
    ledger::set_key_concurrency(&mut tx, &name, &key, concurrency).await?;
    let detail = serde_json::json!({ "key": key, "concurrency": concurrency });
    audit::record(&mut tx, &actor, Entry::of("queue.key", &name).with(detail)).await?;
    tx.commit().await?;
    view(&api, &name).await
}

/// Ends the waiting time that a provider asked for.
#[utoipa::path(post, path = "/queues/{name}/unblock", operation_id = "unblockQueue", tag = "queues",
    responses(
        (status = 200, description = "The queue", body = QueueView),
    )
)]
async fn unblock(State(api): State<Api>, By(actor): By, Name(name): Name) -> Result<Json<QueueView>, Problem> {
    limits_of(&api, &name).await?;
    let mut tx = api.db.begin().await?;
    ledger::unblock(&mut tx, &name).await?;
    audit::record(&mut tx, &actor, Entry::of("queue.unblock", &name)).await?;
    tx.commit().await?;
    view(&api, &name).await
}

/// Pauses a queue in the whole fleet. Running jobs continue.
#[utoipa::path(post, path = "/queues/{name}/pause", operation_id = "pauseQueue", tag = "queues",
    responses(
        (status = 200, description = "The queue", body = QueueStatus),
    )
)]
async fn pause(State(api): State<Api>, by: By, Name(name): Name) -> Result<Json<QueueStatus>, Problem> {
    set_paused(&api, by, &name, true).await
}

/// Resumes a paused queue.
#[utoipa::path(post, path = "/queues/{name}/resume", operation_id = "resumeQueue", tag = "queues",
    responses(
        (status = 200, description = "The queue", body = QueueStatus),
    )
)]
async fn resume(State(api): State<Api>, by: By, Name(name): Name) -> Result<Json<QueueStatus>, Problem> {
    set_paused(&api, by, &name, false).await
}

async fn set_paused(api: &Api, By(actor): By, name: &str, paused: bool) -> Result<Json<QueueStatus>, Problem> {
    limits_of(api, name).await?;
    let mut tx = api.db.begin().await?;
    ledger::set_paused(&mut tx, name, paused).await?;
    let action = if paused { "queue.pause" } else { "queue.resume" };
    audit::record(&mut tx, &actor, Entry::of(action, name)).await?;
    tx.commit().await?;
    Ok(Json(one(api, name).await?))
}

/// The limits of a queue, if there is such a queue.
async fn limits_of(api: &Api, name: &str) -> Result<QueueLimits, Problem> {
    let limits = ledger::find_limits(&api.db, name).await?;
    limits
        .or_else(|| used().any(|used| used == name).then(QueueLimits::unlimited))
        .ok_or_else(|| Problem::missing("queue", name))
}

async fn one(api: &Api, name: &str) -> Result<QueueStatus, Problem> {
    let queue = ledger::find_queue(&api.db, name).await?;
    queue
        .or_else(|| used().find(|used| *used == name).map(QueueStatus::unlimited))
        .ok_or_else(|| Problem::missing("queue", name))
}
