//! `/probes`: jobs that do nothing but show that the fleet works.

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use herald_shared::{
    ledger::{self, Batch, EnqueueError},
    probe::Probe,
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{Api, auth::Workspace, input, problem::Problem};

/// The most jobs of one probe.
const MOST: i64 = 10_000;
/// The most tries of a job.
const MOST_TRIES: i64 = 100;
/// The longest name, in bytes.
const LONGEST_NAME: usize = 200;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(start))
}

/// A probe to be started.
#[derive(Deserialize, ToSchema)]
#[schema(as = ProbeRequest)]
#[serde(deny_unknown_fields)]
struct Order {
    /// How many jobs.
    #[schema(minimum = 1, maximum = 10_000)]
    jobs: i64,
    /// Made up if not given; 1 to 200 bytes.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// Tries of each job; the kind's if not given.
    #[schema(minimum = 1, maximum = 100)]
    tries: Option<i64>,
}

/// Starts jobs that do nothing but show that the fleet works.
///
/// Safe to repeat: a probe of the same name is found, not made again.
#[utoipa::path(post, path = "/probes", operation_id = "startProbe", tag = "probes",
    request_body = Order,
    responses(
        (status = 202, description = "The batch of its jobs", body = Batch, headers(("location" = String, description = "Where it is"))),
    )
)]
async fn start(State(api): State<Api>, Workspace(workspace): Workspace, request: Request) -> Result<Response, Problem> {
    let Order { name, jobs, tries } = input::json(request).await?;
    if !(1..=MOST).contains(&jobs) {
        return Err(Problem::field("jobs", format!("jobs is {jobs}: use 1 to {MOST}")));
    }
    if tries.is_some_and(|tries| !(1..=MOST_TRIES).contains(&tries)) {
        return Err(Problem::field("tries", format!("tries is out of range: use 1 to {MOST_TRIES}")));
    }
    let name = name.unwrap_or_else(|| api.db.new_id().to_string());
    if name.is_empty() || name.len() > LONGEST_NAME {
        return Err(Problem::field("name", format!("a probe's name has 1 to {LONGEST_NAME} bytes")));
    }
    let probe = Probe { workspace_id: workspace, name: &name, tries };
    let (id, _) = herald_shared::probe::start_probe(&api.db, probe, 0..jobs).await.map_err(|error| match error {
        EnqueueError::Db(error) => Problem::from(error),
        // Its arguments are a name and a number.
        error => Problem::field("jobs", error.to_string()),
    })?;
    let batch = ledger::batch(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("batch", id))?;
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, format!("/api/v1/batches/{id}"))], Json(batch)).into_response())
}
