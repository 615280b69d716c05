//! `/audit`: the log of the actions in a workspace, with actor, time and number of changed resources.

mod table;

use axum::{
    Json,
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use futures::stream;
use herald_invitations::results::ResultsError;
use herald_ledger::audit::{self, AuditFilter, AuditRow, Checkpoint, Entry, Verified};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::table::table_part;
use crate::{
    Api,
    front::{
        actor::By,
        auth::Workspace,
        input::{Parameters, time},
        page::{self, Page},
        problem::Problem,
    },
};

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(verify)).routes(routes!(export))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListParameters {
    /// Only entries of this action, written as `thing.verb`.
    action: Option<String>,
    /// Only entries of this actor.
    who: Option<String>,
    /// Only entries of this time or later.
    #[param(value_type = Option<DateTime<Utc>>)]
    at_after: Option<String>,
    /// Only entries before this time.
    #[param(value_type = Option<DateTime<Utc>>)]
    at_before: Option<String>,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
    /// The largest number of rows on the page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<usize>,
}

/// Lists the entries of the audit log, the newest first.
#[utoipa::path(get, path = "/audit", operation_id = "listAudit", tag = "audit",
    params(ListParameters),
    responses(
        (status = 200, description = "A page of the audit log", body = Page<AuditRow>),
    )
)]
async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(asked): Parameters<ListParameters>,
) -> Result<Json<Page<AuditRow>>, Problem> {
    let limit = page::limit(asked.limit)?;
    let before = page::after(asked.cursor.as_deref())?;
    let at_after = time("at_after", asked.at_after)?;
    let at_before = time("at_before", asked.at_before)?;
    let filter = AuditFilter { action: asked.action, who: asked.who, at_after, at_before, before };
    let rows = audit::log(&api.db, workspace, &filter, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.seq.to_string())))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct VerifyParameters {
    /// The `checkpoint` of an earlier verification: its row must still be in the log.
    checkpoint: Option<String>,
}

/// Verifies the whole chain of the audit log.
///
/// The answer says whether a row was changed or removed, or whether the end was cut off.
#[utoipa::path(get, path = "/audit/verify", operation_id = "verifyAudit", tag = "audit",
    params(VerifyParameters),
    responses(
        (status = 200, description = "The result of the verification", body = Verified),
    )
)]
async fn verify(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(asked): Parameters<VerifyParameters>,
) -> Result<Json<Verified>, Problem> {
    let noted = asked.checkpoint.map(|text| text.parse::<Checkpoint>()).transpose();
    let noted = noted.map_err(|wrong| Problem::field("checkpoint", wrong))?;
    Ok(Json(audit::verify(&api.db, workspace, noted.as_ref()).await?))
}

/// Exports the whole audit log as a CSV table, the newest entry first.
///
/// The export itself is recorded in the audit log.
#[utoipa::path(get, path = "/audit/export.csv", operation_id = "exportAudit", tag = "audit",
    responses(
        (status = 200, description = "The CSV table", content_type = "text/csv", body = String),
    )
)]
async fn export(State(api): State<Api>, Workspace(workspace): Workspace, By(actor): By) -> Result<Response, Problem> {
    let mut tx = api.db.begin().await?;
    audit::record(&mut tx, &actor, Entry::of("audit.export", workspace)).await?;
    tx.commit().await?;
    let parts = stream::try_unfold(Some(None), move |next| {
        let db = api.db.clone();
        async move {
            let Some(before) = next else { return Ok::<_, ResultsError>(None) };
            let part = table_part(&db, workspace, before).await?;
            // There is nothing to read before the first row of the log.
            Ok(part.map(|(part, last)| (part, (last > 1).then_some(Some(last)))))
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"audit.csv\""),
    ];
    Ok((headers, Body::from_stream(parts)).into_response())
}
