//! `/exports`: lists as files.

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use herald_contacts::{
    Export, ExportFormat, ExportState, ExportWhat, cancel_export, create_export, find_export, list_exports,
};
use herald_ledger::audit::{self, Entry};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::list::filter_of;
use crate::{
    Api,
    front::{
        actor::By,
        auth::Workspace,
        input::{self, Id, Parameters},
        page::{Page, PageParameters},
        problem::{Kind, Problem},
    },
    leads,
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show))
        .routes(routes!(cancel))
        .routes(routes!(file))
}

/// What is exported.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewExport)]
#[serde(deny_unknown_fields)]
struct NewExport {
    /// The list.
    what: ExportWhat,
    /// The form of the file.
    format: ExportFormat,
    /// The parameters of the list, by their names, such as `{"tag": "vip"}`.
    #[serde(default)]
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    filter: Option<serde_json::Map<String, Value>>,
}

async fn found(api: &Api, workspace: Uuid, id: Uuid) -> Result<Export, Problem> {
    find_export(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("export", id))
}

/// Lists exports, the newest first.
#[utoipa::path(get, path = "/exports", operation_id = "listExports", tag = "exports",
    params(PageParameters),
    responses(
        (status = 200, description = "A page of exports", body = Page<Export>),
    )
)]
async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(asked): Parameters<PageParameters>,
) -> Result<Json<Page<Export>>, Problem> {
    let (before, limit) = asked.read()?;
    let rows = list_exports(&api.db, workspace, before, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.id.to_string())))
}

/// Has a list written into a file: all of its pages, under these filters. The file is kept for a week.
#[utoipa::path(post, path = "/exports", operation_id = "createExport", tag = "exports",
    request_body = NewExport,
    responses(
        (status = 202, description = "The export, whose rows are being written", body = Export, headers(
            ("location" = String, description = "The address of the export"))),
    )
)]
async fn create(State(api): State<Api>, By(actor): By, request: Request) -> Result<Response, Problem> {
    let NewExport { what, format, filter } = input::json(request).await?;
    let filter = Value::Object(filter.unwrap_or_default());
    let filter = match what {
        ExportWhat::Contacts => serde_json::to_value(filter_of(&api, actor.workspace_id, filter).await?),
        ExportWhat::Leads => serde_json::to_value(leads::filter_of(filter)?),
    };
    let filter = filter.map_err(|error| Problem::internal(&error))?;
    let export = create_export(&api.db, &actor, (what, format), filter).await?;
    let location = format!("/api/v1/exports/{}", export.id);
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(export)).into_response())
}

/// Returns an export: its state, and how many rows are written.
#[utoipa::path(get, path = "/exports/{id}", operation_id = "getExport", tag = "exports",
    responses(
        (status = 200, description = "The export", body = Export),
    )
)]
async fn show(State(api): State<Api>, Workspace(workspace): Workspace, Id(id): Id) -> Result<Json<Export>, Problem> {
    Ok(Json(found(&api, workspace, id).await?))
}

/// Stops an export.
#[utoipa::path(post, path = "/exports/{id}/cancel", operation_id = "cancelExport", tag = "exports",
    responses(
        (status = 200, description = "The export", body = Export),
        (status = 409, description = "The export has ended"),
    )
)]
async fn cancel(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<Json<Export>, Problem> {
    cancel_export(&api.db, &actor, id).await?.map(Json).ok_or_else(|| Problem::missing("export", id))
}

/// Returns the file of an export.
#[utoipa::path(get, path = "/exports/{id}/file", operation_id = "getExportFile", tag = "exports",
    responses(
        (status = 200, description = "The file", content(
            (String = "text/csv"),
            (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")),
            headers(("content-disposition" = String, description = "The name of the file"))),
        (status = 409, description = "The export has no file: it is running, was stopped, or has expired"),
    )
)]
async fn file(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<Response, Problem> {
    let export = found(&api, actor.workspace_id, id).await?;
    if export.state != ExportState::Done {
        let detail = match export.state {
            ExportState::Running => "the export is running: wait until it is done",
            ExportState::Expired => "the file of the export is gone after a week: order it again",
            _ => "the export has no file: order it again",
        };
        return Err(Problem::new(Kind::WrongState, detail));
    }
    let (_, content) = api.files.stream(&export.file(actor.workspace_id)).await?;
    let mut tx = api.db.begin().await?;
    audit::record(&mut tx, &actor, Entry::of("export.download", id).affecting(export.rows)).await?;
    tx.commit().await?;
    let headers = [
        (header::CONTENT_TYPE, export.format.media_type().to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", export.file_name())),
    ];
    Ok((StatusCode::OK, headers, Body::from_stream(content)).into_response())
}
