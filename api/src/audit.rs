//! `/audit`: who did what, when, and to how many.

use axum::{Json, extract::State};
use herald_shared::ledger::audit::{self, AuditFilter, AuditRow, Verified};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Api,
    auth::Workspace,
    input::Parameters,
    page::{self, Page},
    problem::Problem,
};

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(verify))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListParameters {
    /// By what was done, as `thing.verb`.
    action: Option<String>,
    /// By who did it.
    who: Option<String>,
    /// Where the page before ended: its `next_cursor`.
    cursor: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<usize>,
}

/// Lists who did what, the last first.
#[utoipa::path(get, path = "/audit", operation_id = "listAudit", tag = "audit",
    params(ListParameters),
    responses(
        (status = 200, description = "A page of the log", body = Page<AuditRow>),
    )
)]
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
#[utoipa::path(get, path = "/audit/verify", operation_id = "verifyAudit", tag = "audit",
    responses(
        (status = 200, description = "What was found", body = Verified),
    )
)]
async fn verify(State(api): State<Api>, Workspace(workspace): Workspace) -> Result<Json<Verified>, Problem> {
    Ok(Json(audit::verify(&api.db, workspace).await?))
}
