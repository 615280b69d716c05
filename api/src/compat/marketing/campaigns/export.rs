//! `/campaigns/export`: every campaign with its counts, as a file.

use axum::{
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use herald_imaging::fonts::FontLibrary;
use herald_messaging::{CampaignExport, CampaignExportError, export_campaigns};
use herald_people::workspace_name;
use serde::Deserialize;
use tokio_util::io::ReaderStream;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Api,
    front::{auth::Workspace, input::Parameters, problem::Problem},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(export))
}

/// In which form.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct InForm {
    /// A line each: `csv`; or a table on pages: `pdf`, of at most 10,000 campaigns.
    #[param(pattern = "^(csv|pdf)$", default = "csv")]
    format: Option<String>,
}

/// Exports every campaign with its counts, the newest first.
#[utoipa::path(get, path = "/campaigns/export", operation_id = "marketingExportCampaigns", tag = "compat",
    params(InForm),
    responses(
        (status = 200, description = "The file", content((String = "text/csv"), (Vec<u8> = "application/pdf")),
            headers(("content-disposition" = String, description = "The name of the file"))),
    )
)]
async fn export(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(asked): Parameters<InForm>,
) -> Result<Response, Problem> {
    let format = asked.format.as_deref().unwrap_or(CampaignExport::Csv.as_str()).parse::<CampaignExport>();
    let format = format.map_err(|error| Problem::field("format", error))?;
    let name = workspace_name(&api.db, workspace).await?.unwrap_or_default();
    let draft = tokio::task::spawn_blocking(tempfile::tempfile).await.map_err(std::io::Error::other)??;
    let folders = api.settings.images.font_folders.clone();
    let fonts = Box::new(move || FontLibrary::with_system(&folders));
    let written = export_campaigns(&api.db, workspace, name, format, fonts, draft).await;
    let file = written.map_err(|error| match error {
        CampaignExportError::TooMany(_) => Problem::field("format", error),
        error => Problem::internal(&error),
    })?;
    let headers = [
        (header::CONTENT_TYPE, format.media_type().to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"campaigns.{format}\"")),
    ];
    Ok((headers, Body::from_stream(ReaderStream::new(tokio::fs::File::from_std(file)))).into_response())
}
