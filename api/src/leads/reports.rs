//! `/reports`: the workbooks of days.

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use herald_imaging::fonts::FontLibrary;
use herald_leads::{Report, ReportError, ReportFormat, find_report, list_reports, write_report};
use serde::Deserialize;
use tokio_util::io::ReaderStream;
use utoipa::{IntoParams, ToSchema};
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

/// In which form.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct InForm {
    /// The workbook, or the day's leads as they are now: `csv`; `json` with the follow-ups; or `pdf` with follow-ups
    /// and numbers, if they are at most 20,000.
    #[param(pattern = "^(xlsx|csv|json|pdf)$", default = "xlsx")]
    format: Option<String>,
}

/// A report as JSON.
#[derive(ToSchema)]
#[schema(as = ReportJson)]
#[expect(dead_code, reason = "only described")]
struct ReportJson {
    /// The day, by the clocks of the zone.
    day: String,
    /// The zone, as an IANA name.
    time_zone: String,
    /// The leads of the day.
    #[schema(value_type = Vec<Object>)]
    leads: Vec<serde_json::Value>,
    /// The follow-ups that are due at its end.
    #[schema(value_type = Vec<Object>)]
    follow_ups: Vec<serde_json::Value>,
}

/// Returns the file of a report.
#[utoipa::path(get, path = "/reports/{id}/file", operation_id = "getReportFile", tag = "reports",
    params(InForm),
    responses(
        (status = 200, description = "The file", content(
            (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"), (String = "text/csv"),
            (ReportJson = "application/json"), (Vec<u8> = "application/pdf")),
            headers(("content-disposition" = String, description = "The name of the file"))),
    )
)]
async fn file(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
    Parameters(asked): Parameters<InForm>,
) -> Result<Response, Problem> {
    let format = asked.format.as_deref().map(str::parse::<ReportFormat>).transpose();
    let format = format.map_err(|error| Problem::field("format", error))?.unwrap_or(ReportFormat::Xlsx);
    let report = find_report(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("report", id))?;
    let content = match (format, report.local_day()) {
        (ReportFormat::Xlsx, _) => {
            let (_, content) = api.files.stream(&report.stored(workspace)?).await?;
            Body::from_stream(content)
        }
        (_, None) => {
            let detail = format!(
                "the report can only be had as it was made, because Herald no longer knows its day {} or its time zone \
                 {}: leave format out, or ask for xlsx",
                report.day, report.time_zone
            );
            return Err(Problem::field("format", detail));
        }
        (format, Some(day)) => {
            let draft = tokio::task::spawn_blocking(tempfile::tempfile).await.map_err(std::io::Error::other)??;
            let folders = api.settings.images.font_folders.clone();
            let fonts = Box::new(move || FontLibrary::with_system(&folders));
            let written = write_report(&api.db, workspace, day, format, fonts, draft).await;
            let (_, file) = written.map_err(|error| match error {
                ReportError::TooMany(_) => Problem::field("format", error),
                error => Problem::internal(&error),
            })?;
            Body::from_stream(ReaderStream::new(tokio::fs::File::from_std(file)))
        }
    };
    // The name has digits, letters, dashes and a dot.
    let name = report.name.replace(".xlsx", &format!(".{format}"));
    let headers = [
        (header::CONTENT_TYPE, format.media_type().to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((StatusCode::OK, headers, content).into_response())
}
