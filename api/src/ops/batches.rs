//! `/batches`: the progress of groups of jobs.

use axum::{Json, extract::State};
use herald_ledger as ledger;
use herald_ledger::Batch;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Api,
    front::{auth::Workspace, input::Id, problem::Problem},
};

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(show))
}

/// Returns the progress of a batch of jobs.
#[utoipa::path(get, path = "/batches/{id}", operation_id = "getBatch", tag = "batches",
    responses(
        (status = 200, description = "The batch", body = Batch),
    )
)]
async fn show(State(api): State<Api>, Workspace(workspace): Workspace, Id(id): Id) -> Result<Json<Batch>, Problem> {
    let batch = ledger::find_batch(&api.db, workspace, id).await?;
    batch.map(Json).ok_or_else(|| Problem::missing("batch", id))
}
