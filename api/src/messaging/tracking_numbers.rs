//! What recipients do with the messages of a campaign, in numbers; and who agreed to be known by name.

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};
use herald_contacts::find_contact;
use herald_messaging::{
    CampaignTracking, NewTrackingConsent, TrackingConsent, add_tracking_consent, archive_url, list_tracking_consents,
    tracking_of,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::campaigns::found;
use crate::{
    Api,
    front::{
        actor::By,
        auth::Workspace,
        input::{self, Id},
        page::Page,
        problem::Problem,
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(numbers)).routes(routes!(list, add))
}

/// What recipients do with the messages of a campaign.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignTrackingView)]
struct Numbers {
    /// The counts.
    #[serde(flatten)]
    tracking: CampaignTracking,
    /// The address of the public page; null: the campaign has none.
    archive_url: Option<String>,
}

/// Returns what recipients do with the messages of a campaign.
#[utoipa::path(get, path = "/campaigns/{id}/tracking", operation_id = "getCampaignTracking", tag = "campaigns",
    responses(
        (status = 200, description = "The counts", body = Numbers),
    )
)]
async fn numbers(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
) -> Result<Json<Numbers>, Problem> {
    let campaign = found(&api, workspace, id).await?;
    let tracking = tracking_of(&api.db, workspace, &campaign).await?;
    let archive_url = campaign.settings.0.archive.then(|| archive_url(&api.links, id));
    Ok(Json(Numbers { tracking, archive_url }))
}

/// Lists whether a contact agreed that what they do with messages is kept beside their name, the newest first. The
/// newest holds.
#[utoipa::path(get, path = "/contacts/{id}/tracking-consents", operation_id = "listTrackingConsents",
    tag = "contacts",
    responses(
        (status = 200, description = "The consents", body = Page<TrackingConsent>),
    )
)]
async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
) -> Result<Json<Page<TrackingConsent>>, Problem> {
    if find_contact(&api.db, workspace, id).await?.is_none() {
        return Err(Problem::missing("contact", id));
    }
    Ok(Json(Page::upto(list_tracking_consents(&api.db, workspace, id).await?, None)))
}

/// Writes down that a contact agreed to be tracked by name, or took that back.
#[utoipa::path(post, path = "/contacts/{id}/tracking-consents", operation_id = "addTrackingConsent", tag = "contacts",
    request_body = NewTrackingConsent,
    responses(
        (status = 201, description = "The consent", body = TrackingConsent),
        (status = 409, description = "The contact was merged into another one"),
    )
)]
async fn add(
    State(api): State<Api>,
    By(actor): By,
    Id(id): Id,
    request: Request,
) -> Result<(StatusCode, Json<TrackingConsent>), Problem> {
    let new: NewTrackingConsent = input::json(request).await?;
    let consent = add_tracking_consent(&api.db, &actor, id, new).await?;
    consent.map(|consent| (StatusCode::CREATED, Json(consent))).ok_or_else(|| Problem::missing("contact", id))
}
