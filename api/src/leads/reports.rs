//! `/reports`: the workbooks of days.

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use herald_leads::{Report, find_report, list_reports};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Api,
    front::{
        auth::Workspace,
        input::{Id, Parameters},
        page::{self, Page},
        problem::Problem,
    },
};

/// A workbook of Office Open XML.
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(file))
}

/// Which reports.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// The `next_cursor` of the previous page: a day.
    cursor: Option<String>,
    /// The largest number of rows on the page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<usize>,
}

/// Lists reports, the latest day first. A job of the kind `report.daily_leads` makes one.
#[utoipa::path(get, path = "/reports", operation_id = "listReports", tag = "reports",
    params(Wanted),
    responses(
        (status = 200, description = "A page of reports", body = Page<Report>),
    )
)]
async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Page<Report>>, Problem> {
    let before: Option<chrono::NaiveDate> = page::after(wanted.cursor.as_deref())?;
    let limit = page::limit(wanted.limit)?;
    let rows = list_reports(&api.db, workspace, before.map(|day| day.to_string()), limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.day.clone())))
}

/// Returns a report.
#[utoipa::path(get, path = "/reports/{id}", operation_id = "getReport", tag = "reports",
    responses(
        (status = 200, description = "The report", body = Report),
    )
)]
async fn show(State(api): State<Api>, Workspace(workspace): Workspace, Id(id): Id) -> Result<Json<Report>, Problem> {
    let found = find_report(&api.db, workspace, id).await?;
    found.map(Json).ok_or_else(|| Problem::missing("report", id))
}

/// Returns the workbook of a report.
#[utoipa::path(get, path = "/reports/{id}/file", operation_id = "getReportFile", tag = "reports",
    responses(
        (status = 200, description = "The workbook", content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            body = Vec<u8>, headers(("content-disposition" = String, description = "The name of the file"))),
    )
)]
async fn file(State(api): State<Api>, Workspace(workspace): Workspace, Id(id): Id) -> Result<Response, Problem> {
    let report = find_report(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("report", id))?;
    let (_, content) = api.files.stream(&report.stored(workspace)?).await?;
    // The name has digits, letters, dashes and a dot.
    let name = format!("attachment; filename=\"{}\"", report.name);
    let headers = [(header::CONTENT_TYPE, XLSX.to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((StatusCode::OK, headers, Body::from_stream(content)).into_response())
}
