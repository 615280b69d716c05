//! `/probes`: jobs that do no work and only show that the fleet runs jobs.

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use herald_app::probe::Probe;
use herald_ledger as ledger;
use herald_ledger::{Batch, LedgerError};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Api,
    front::{auth::Workspace, input, problem::Problem},
};

/// The largest number of jobs of one probe.
const MOST: i64 = 10_000;
/// The largest number of attempts of a job.
const MOST_TRIES: i64 = 100;
/// The longest name, in bytes.
const LONGEST_NAME: usize = 200;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(start))
}

/// The parameters of a new probe.
#[derive(Deserialize, ToSchema)]
#[schema(as = ProbeRequest)]
#[serde(deny_unknown_fields)]
struct Order {
    /// The number of jobs.
    #[schema(minimum = 1, maximum = 10_000)]
    jobs: i64,
    /// The name of the probe, 1 to 200 bytes; Herald chooses one if it is missing.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// The number of attempts of each job; by default that of the kind.
    #[schema(minimum = 1, maximum = 100)]
    tries: Option<i64>,
}

/// Starts jobs that do no work, to show that the fleet runs jobs.
///
/// The request is safe to repeat: Herald returns an existing probe of the same name.
#[utoipa::path(post, path = "/probes", operation_id = "startProbe", tag = "probes",
    request_body = Order,
    responses(
        (status = 202, description = "The batch of its jobs", body = Batch, headers(("location" = String,
            description = "The address of the batch"))),
    )
)]
async fn start(State(api): State<Api>, Workspace(workspace): Workspace, request: Request) -> Result<Response, Problem> {
    let Order { name, jobs, tries } = input::json(request).await?;
    if !(1..=MOST).contains(&jobs) {
        return Err(Problem::field("jobs", format!("jobs is {jobs}: use 1 to {MOST}")));
    }
    if tries.is_some_and(|tries| !(1..=MOST_TRIES).contains(&tries)) {
        return Err(Problem::field(
            "tries",
            format!("the number of attempts (tries) is out of range: use 1 to {MOST_TRIES}"),
        ));
    }
    let name = name.unwrap_or_else(|| api.db.new_id().to_string());
    if name.is_empty() || name.len() > LONGEST_NAME {
        return Err(Problem::field(
            "name",
            format!("the name of the probe is empty or too long: use 1 to {LONGEST_NAME} bytes"),
        ));
    }
    let probe = Probe { workspace_id: workspace, name: &name, tries };
    let (id, _) = herald_app::probe::start_probe(&api.db, probe, 0..jobs).await.map_err(|error| match error {
        LedgerError::Db(error) => Problem::from(error),
        // The arguments of the job are a name and a number.
        error => Problem::field("jobs", error.to_string()),
    })?;
    let batch = ledger::find_batch(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("batch", id))?;
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, format!("/api/v1/batches/{id}"))], Json(batch)).into_response())
}
