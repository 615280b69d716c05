//! `/campaigns/{id}/…`: the moves of a campaign from state to state.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use herald_messaging::{
    Approver, approve_campaign, cancel_campaign, pause_campaign, reject_campaign, resume_campaign, schedule_campaign,
    send_campaign, submit_campaign,
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::campaigns::{View, view};
use crate::{
    Api,
    front::{
        actor::By,
        conditional::tagged,
        input::{self, Id},
        problem::Problem,
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(submit))
        .routes(routes!(approve))
        .routes(routes!(reject))
        .routes(routes!(schedule))
        .routes(routes!(send))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(cancel))
}

async fn answer(
    api: &Api,
    workspace: Uuid,
    id: Uuid,
    moved: Option<herald_messaging::Campaign>,
) -> Result<Response, Problem> {
    let campaign = moved.ok_or_else(|| Problem::missing("campaign", id))?;
    tagged(StatusCode::OK, view(api, workspace, campaign).await?)
}

/// Asks for the approval of a draft. From now on the version of its template is fixed.
#[utoipa::path(post, path = "/campaigns/{id}/submit", operation_id = "submitCampaign", tag = "campaigns",
    responses(
        (status = 200, description = "The campaign", body = View, headers(("etag" = String,
            description = "The version of the campaign, for If-Match and If-None-Match"))),
        (status = 409, description = "The campaign is not a draft"),
        (status = 422, description = "Something is missing: the sender, the template or the audience"),
    )
)]
async fn submit(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<Response, Problem> {
    let moved = submit_campaign(&api.db, &actor, id).await?;
    answer(&api, actor.workspace_id, id, moved).await
}

/// Approves a campaign as it is. Nobody approves their own, unless nobody else may approve.
#[utoipa::path(post, path = "/campaigns/{id}/approve", operation_id = "approveCampaign", tag = "campaigns",
    responses(
        (status = 200, description = "The campaign", body = View, headers(("etag" = String,
            description = "The version of the campaign, for If-Match and If-None-Match"))),
        (status = 409, description = "The campaign is not in review, or is the caller's own"),
    )
)]
async fn approve(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<Response, Problem> {
    let moved = approve_campaign(&api.db, &actor, id, Approver::Member).await?;
    answer(&api, actor.workspace_id, id, moved).await
}

/// Why a campaign goes back.
#[derive(Deserialize, ToSchema)]
#[schema(as = CampaignRejection)]
#[serde(deny_unknown_fields)]
struct Rejection {
    /// What should change.
    #[schema(min_length = 1, max_length = 1000)]
    reason: String,
}

/// Sends a campaign back to its makers, with the reason.
#[utoipa::path(post, path = "/campaigns/{id}/reject", operation_id = "rejectCampaign", tag = "campaigns",
    request_body = Rejection,
    responses(
        (status = 200, description = "The campaign", body = View, headers(("etag" = String,
            description = "The version of the campaign, for If-Match and If-None-Match"))),
        (status = 409, description = "The campaign is neither in review, nor approved, nor scheduled"),
    )
)]
async fn reject(State(api): State<Api>, By(actor): By, Id(id): Id, request: Request) -> Result<Response, Problem> {
    let Rejection { reason } = input::json(request).await?;
    let moved = reject_campaign(&api.db, &actor, id, &reason).await?;
    answer(&api, actor.workspace_id, id, moved).await
}

/// Has an approved campaign begin at the time for which it was approved.
#[utoipa::path(post, path = "/campaigns/{id}/schedule", operation_id = "scheduleCampaign", tag = "campaigns",
    responses(
        (status = 200, description = "The campaign", body = View, headers(("etag" = String,
            description = "The version of the campaign, for If-Match and If-None-Match"))),
        (status = 409, description = "The campaign is not approved"),
        (status = 422, description = "The campaign has no time, or one that is past"),
    )
)]
async fn schedule(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<Response, Problem> {
    let moved = schedule_campaign(&api.db, &actor, id).await?;
    answer(&api, actor.workspace_id, id, moved).await
}

/// Begins to send an approved or scheduled campaign now.
#[utoipa::path(post, path = "/campaigns/{id}/send", operation_id = "sendCampaign", tag = "campaigns",
    responses(
        (status = 200, description = "The campaign", body = View, headers(("etag" = String,
            description = "The version of the campaign, for If-Match and If-None-Match"))),
        (status = 409, description = "The campaign is neither approved nor scheduled"),
    )
)]
async fn send(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<Response, Problem> {
    let moved = send_campaign(&api.db, &actor, id).await?;
    answer(&api, actor.workspace_id, id, moved).await
}

/// Stops a campaign for now: no further message is handed over.
#[utoipa::path(post, path = "/campaigns/{id}/pause", operation_id = "pauseCampaign", tag = "campaigns",
    responses(
        (status = 200, description = "The campaign", body = View, headers(("etag" = String,
            description = "The version of the campaign, for If-Match and If-None-Match"))),
        (status = 409, description = "The campaign is not being sent"),
    )
)]
async fn pause(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<Response, Problem> {
    let moved = pause_campaign(&api.db, &actor, id).await?;
    answer(&api, actor.workspace_id, id, moved).await
}

/// Goes on with a paused campaign. What was sent, or may have been, is not sent again.
#[utoipa::path(post, path = "/campaigns/{id}/resume", operation_id = "resumeCampaign", tag = "campaigns",
    responses(
        (status = 200, description = "The campaign", body = View, headers(("etag" = String,
            description = "The version of the campaign, for If-Match and If-None-Match"))),
        (status = 409, description = "The campaign is not paused"),
    )
)]
async fn resume(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<Response, Problem> {
    let moved = resume_campaign(&api.db, &actor, id).await?;
    answer(&api, actor.workspace_id, id, moved).await
}

/// Stops a campaign for good. What was not sent is not sent any more.
#[utoipa::path(post, path = "/campaigns/{id}/cancel", operation_id = "cancelCampaign", tag = "campaigns",
    responses(
        (status = 200, description = "The campaign", body = View, headers(("etag" = String,
            description = "The version of the campaign, for If-Match and If-None-Match"))),
        (status = 409, description = "The campaign has ended"),
    )
)]
async fn cancel(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<Response, Problem> {
    let moved = cancel_campaign(&api.db, &actor, id).await?;
    answer(&api, actor.workspace_id, id, moved).await
}
