//! `/customers/upload`: an import that starts by itself. The marketing backend answered when it was done, so the answer
//! waits for a while.

use std::time::Duration;

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};
use herald_contacts::{Import, ImportState, find_import};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Api,
    contacts::{receive_import, uploads},
    front::{
        actor::By,
        problem::{Kind, Problem},
    },
};

/// How long the answer waits for the import, looking at it in these steps.
const LONGEST: Duration = Duration::from_secs(15);
const STEP: Duration = Duration::from_millis(25);

pub(super) fn routes(api: &Api) -> OpenApiRouter<Api> {
    uploads(api, OpenApiRouter::new().routes(routes!(upload)))
}

/// What became of a list.
#[derive(Serialize, ToSchema)]
#[schema(as = MarketingUpload)]
struct Uploaded {
    /// The import. `GET /api/v1/imports/{id}` tells more of it.
    id: Uuid,
    /// How far it is: `done`, unless the list is long.
    status: ImportState,
    /// The customers that were made.
    created: i64,
    /// The customers that were changed.
    updated: i64,
    /// The rows that were left out, at most 200 of them.
    errors: Vec<RowError>,
}

/// A row that was left out.
#[derive(Serialize, ToSchema)]
#[schema(as = MarketingRowError)]
struct RowError {
    /// The line of the file, or the row of the sheet, from 1 on.
    row: u64,
    /// What is wrong and what to do about it.
    error: String,
}

impl From<Import> for Uploaded {
    fn from(import: Import) -> Self {
        let problems = import.report.map(|report| report.0.problems).unwrap_or_default();
        Self {
            id: import.id,
            status: import.state,
            created: import.created,
            updated: import.updated,
            errors: problems.into_iter().map(|flaw| RowError { row: flaw.line, error: flaw.message }).collect(),
        }
    }
}

/// The form that uploads customers.
#[derive(ToSchema)]
#[schema(as = MarketingUploadForm)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only described")]
struct Form {
    /// The list: a CSV file or an Excel workbook.
    #[schema(content_media_type = "text/csv")]
    file: String,
}

/// Imports customers from a CSV file or an Excel workbook.
#[utoipa::path(post, path = "/customers/upload", operation_id = "marketingUploadCustomers", tag = "compat",
    request_body(content((Form = "multipart/form-data"))),
    responses(
        (status = 200, description = "The customers are imported", body = Uploaded),
        (status = 202, description = "The list is long, and is still being imported", body = Uploaded),
    )
)]
async fn upload(
    State(api): State<Api>,
    By(actor): By,
    request: Request,
) -> Result<(StatusCode, Json<Uploaded>), Problem> {
    let import = receive_import(&api, &actor, request, true).await?;
    let id = import.id;
    let ended = tokio::time::timeout(LONGEST, ended(&api, actor.workspace_id, id)).await;
    let import = match ended {
        Ok(import) => import?,
        Err(_) => found(&api, actor.workspace_id, id).await?,
    };
    match import.state {
        ImportState::Checking | ImportState::Importing => Ok((StatusCode::ACCEPTED, Json(import.into()))),
        ImportState::Failed => Err(Problem::field("file", import.reason.unwrap_or_default())),
        _ => Ok((StatusCode::OK, Json(import.into()))),
    }
}

/// Waits until an import has ended, or nobody on its list can be taken in.
async fn ended(api: &Api, workspace: Uuid, id: Uuid) -> Result<Import, Problem> {
    loop {
        let import = found(api, workspace, id).await?;
        match import.state {
            ImportState::Checking | ImportState::Importing => tokio::time::sleep(STEP).await,
            _ => return Ok(import),
        }
    }
}

async fn found(api: &Api, workspace: Uuid, id: Uuid) -> Result<Import, Problem> {
    let found = find_import(&api.db, workspace, id).await?;
    found.ok_or_else(|| Problem::new(Kind::NotFound, "the import is gone"))
}
