//! `/workers`: the live fleet, and requests that a worker takes no more jobs. Workers belong to the fleet, not to a
//! workspace.

use axum::{Json, extract::State};
use chrono::TimeDelta;
use herald_ledger as ledger;
use herald_ledger::{
    WORKER_BELIEVED, WorkerRow,
    audit::{self, Entry},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Api,
    front::{actor::By, input::Name, problem::Problem},
};

/// How long a worker that disappeared is shown.
const SHOWN: TimeDelta = TimeDelta::hours(1);

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(quiet)).routes(routes!(resume))
}

/// The workers of the fleet.
#[derive(Serialize, ToSchema)]
struct Workers {
    items: Vec<WorkerView>,
}

/// A worker, and whether it is alive.
#[derive(Serialize, ToSchema)]
#[schema(as = Worker)]
struct WorkerView {
    #[serde(flatten)]
    worker: WorkerRow,
    /// Whether the worker sent a heartbeat in the last seconds.
    alive: bool,
}

/// The workers of the fleet, with those that disappeared a short time ago.
pub(crate) async fn shown(api: &Api) -> Result<Vec<WorkerRow>, Problem> {
    Ok(ledger::list_workers(&api.db, api.db.now() - SHOWN).await?)
}

async fn every(api: &Api) -> Result<Workers, Problem> {
    let now = api.db.now();
    let workers = shown(api).await?;
    let view = |worker: WorkerRow| WorkerView { alive: now - worker.seen_at <= WORKER_BELIEVED, worker };
    Ok(Workers { items: workers.into_iter().map(view).collect() })
}

/// Lists the workers of the fleet.
#[utoipa::path(get, path = "/workers", operation_id = "listWorkers", tag = "workers",
    responses(
        (status = 200, description = "The workers", body = Workers),
    )
)]
async fn list(State(api): State<Api>) -> Result<Json<Workers>, Problem> {
    Ok(Json(every(&api).await?))
}

/// Tells a worker to take no more jobs.
#[utoipa::path(post, path = "/workers/{name}/quiet", operation_id = "quietWorker", tag = "workers",
    responses(
        (status = 200, description = "The workers", body = Workers),
    )
)]
async fn quiet(State(api): State<Api>, by: By, Name(name): Name) -> Result<Json<Workers>, Problem> {
    ask(&api, by, &name, true).await
}

/// Lets a worker take jobs again.
#[utoipa::path(post, path = "/workers/{name}/resume", operation_id = "resumeWorker", tag = "workers",
    responses(
        (status = 200, description = "The workers", body = Workers),
    )
)]
async fn resume(State(api): State<Api>, by: By, Name(name): Name) -> Result<Json<Workers>, Problem> {
    ask(&api, by, &name, false).await
}

async fn ask(api: &Api, By(actor): By, name: &str, quiet: bool) -> Result<Json<Workers>, Problem> {
    let mut tx = api.db.begin().await?;
    let asked = ledger::ask_quiet_in(&mut tx, Some(name), quiet).await?;
    if asked == 0 {
        return Err(Problem::missing("worker", name));
    }
    let action = if quiet { "worker.quiet" } else { "worker.resume" };
    audit::record(&mut tx, &actor, Entry::of(action, name).affecting(asked)).await?;
    tx.commit().await?;
    Ok(Json(every(api).await?))
}
