//! `/audit`: who did what, when, and to how many.

use axum::{Json, Router, extract::State, routing::get};
use herald_shared::ledger::audit::{self, AuditFilter, AuditRow, Verified};
use serde::Deserialize;

use crate::{
    Api,
    auth::Workspace,
    input::Parameters,
    page::{self, Page},
    problem::Problem,
};

pub(crate) fn routes() -> Router<Api> {
    Router::new().route("/audit", get(list)).route("/audit/verify", get(verify))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListParameters {
    action: Option<String>,
    who: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
}

async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(asked): Parameters<ListParameters>,
) -> Result<Json<Page<AuditRow>>, Problem> {
    let limit = page::limit(asked.limit)?;
    let before = page::after(asked.cursor.as_deref())?;
    let filter = AuditFilter { action: asked.action, who: asked.who, before };
    let rows = audit::log(&api.db, workspace, &filter, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.seq.to_string())))
}

/// Reads the whole chain and says whether a row was changed or taken out.
async fn verify(State(api): State<Api>, Workspace(workspace): Workspace) -> Result<Json<Verified>, Problem> {
    Ok(Json(audit::verify(&api.db, workspace).await?))
}
