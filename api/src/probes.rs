//! `/probes`: jobs that do nothing but show that the fleet works.

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use herald_shared::{
    domain,
    ledger::{self, EnqueueError},
};
use serde::Deserialize;

use crate::{Api, auth::Workspace, input, problem::Problem};

/// The most jobs of one probe.
const MOST: u32 = 100_000;
/// The longest name, in bytes.
const LONGEST_NAME: usize = 200;

pub(crate) fn routes() -> Router<Api> {
    Router::new().route("/probes", post(start))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    name: String,
    jobs: u32,
}

/// Safe to repeat: a probe of the same name is found, not made again.
async fn start(State(api): State<Api>, Workspace(workspace): Workspace, request: Request) -> Result<Response, Problem> {
    let Order { name, jobs } = input::json(request).await?;
    if !(1..=MOST).contains(&jobs) {
        return Err(Problem::field("jobs", format!("jobs is {jobs}: use 1 to {MOST}")));
    }
    if name.is_empty() || name.len() > LONGEST_NAME {
        return Err(Problem::field("name", format!("a probe's name has 1 to {LONGEST_NAME} bytes")));
    }
    let id = domain::start_probe(&api.db, workspace, &name, jobs).await.map_err(|error| match error {
        EnqueueError::Db(error) => Problem::from(error),
        // Its arguments are a number.
        error => Problem::field("jobs", error.to_string()),
    })?;
    let batch = ledger::batch(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("batch", id))?;
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, format!("/api/v1/batches/{id}"))], Json(batch)).into_response())
}
