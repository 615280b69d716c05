//! `/batches`: how far many jobs that belong together are.

use axum::{Json, Router, extract::State, routing::get};
use herald_shared::ledger::{self, Batch};

use crate::{Api, auth::Workspace, input::Id, problem::Problem};

pub(crate) fn routes() -> Router<Api> {
    Router::new().route("/batches/{id}", get(show))
}

async fn show(State(api): State<Api>, Workspace(workspace): Workspace, Id(id): Id) -> Result<Json<Batch>, Problem> {
    let batch = ledger::batch(&api.db, workspace, id).await?;
    batch.map(Json).ok_or_else(|| Problem::missing("batch", id))
}
