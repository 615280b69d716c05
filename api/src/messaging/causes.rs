//! `/campaigns/{id}/causes`: why messages of a campaign failed or were left out, counted.

use axum::{Json, extract::State};
use herald_messaging::{CampaignCause, causes_of};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::campaigns::found;
use crate::{
    Api,
    front::{auth::Workspace, input::Id, page::Page, problem::Problem},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(causes))
}

/// Counts why messages of a campaign failed, were left out, or have an end that nobody knows, the most frequent cause
/// first.
#[utoipa::path(get, path = "/campaigns/{id}/causes", operation_id = "listCampaignCauses", tag = "campaigns",
    responses(
        (status = 200, description = "The causes", body = Page<CampaignCause>),
    )
)]
async fn causes(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
) -> Result<Json<Page<CampaignCause>>, Problem> {
    found(&api, workspace, id).await?;
    Ok(Json(Page::upto(causes_of(&api.db, workspace, id).await?, None)))
}
