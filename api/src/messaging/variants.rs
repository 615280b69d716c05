//! `/campaigns/{id}/variants`: the subjects that a campaign tries, side by side.

use axum::{Json, extract::State};
use herald_messaging::{CampaignVariant, variants_of};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::campaigns::found;
use crate::{
    Api,
    front::{auth::Workspace, input::Id, page::Page, problem::Problem},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(variants))
}

/// Lists the subjects that a campaign tries, with what became of each.
#[utoipa::path(get, path = "/campaigns/{id}/variants", operation_id = "listCampaignVariants", tag = "campaigns",
    responses(
        (status = 200, description = "The subjects; none, if it tries none", body = Page<CampaignVariant>),
    )
)]
async fn variants(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
) -> Result<Json<Page<CampaignVariant>>, Problem> {
    let campaign = found(&api, workspace, id).await?;
    Ok(Json(Page::upto(variants_of(&api.db, workspace, &campaign).await?, None)))
}
