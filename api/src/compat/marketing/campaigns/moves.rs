//! `/campaigns/{id}/schedule` and `…/send`. The marketing backend asked nobody. Here the campaign is submitted, and
//! approved if the caller may approve it; else the answer is 202, and says that it waits.

use axum::{
    Extension, Json,
    extract::{Request, State},
    http::StatusCode,
};
use herald_ledger::audit::Actor;
use herald_messaging::{
    Approver, Campaign, CampaignFields, CampaignSettings, CampaignState, MessagingError, approve_campaign,
    change_campaign, schedule_campaign, send_campaign, submit_campaign,
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{OldCampaign, filled, found, moment, told};
use crate::{
    Api,
    front::{
        actor::By,
        auth::Caller,
        input::{self, Id},
        problem::{Kind, Problem},
    },
};

/// The routes whose permissions are asked for on the way.
const APPROVE: &str = "/api/v1/campaigns/{id}/approve";
const SEND: &str = "/api/v1/campaigns/{id}/send";

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(schedule)).routes(routes!(send))
}

/// When a campaign begins.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = MarketingSchedule)]
#[serde(default)]
struct When {
    /// The time; left out, the one that the campaign has.
    #[schema(example = "2027-05-03T09:00:00")]
    scheduled_at: Option<String>,
    /// The time zone, as an IANA name; left out, the one that the campaign has.
    #[schema(example = "Europe/Madrid")]
    timezone: Option<String>,
}

/// Schedules a campaign, if the caller may approve it. Sent again with the same time, it goes on from where the
/// campaign is.
#[utoipa::path(post, path = "/campaigns/{id}/schedule", operation_id = "marketingScheduleCampaign", tag = "compat",
    request_body = When,
    responses(
        (status = 200, description = "The campaign is scheduled", body = OldCampaign),
        (status = 202, description = "The campaign waits until somebody else approves it", body = OldCampaign),
    )
)]
async fn schedule(
    State(api): State<Api>,
    By(actor): By,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
    request: Request,
) -> Result<(StatusCode, Json<OldCampaign>), Problem> {
    let when: When = input::json_or_nothing(request).await?;
    let campaign = found(&api, actor.workspace_id, id).await?;
    let zone = filled(when.timezone.as_deref()).unwrap_or(&campaign.settings.0.time_zone).to_owned();
    let at = filled(when.scheduled_at.as_deref()).map(|text| moment(text, &zone)).transpose()?;
    let is_the_same = at.is_none_or(|at| campaign.send_at == Some(at)) && zone == campaign.settings.0.time_zone;
    // A change takes an approval away.
    let campaign = if is_the_same {
        campaign
    } else {
        let settings = CampaignSettings { time_zone: zone, ..campaign.settings.0.clone() };
        let fields = CampaignFields { settings: Some(settings), send_at: at.map(Some), ..CampaignFields::default() };
        let changed = change_campaign(&api.db, &actor, id, fields, Some(campaign.version)).await;
        there(id, changed.map_err(as_of_old)?)?
    };
    if campaign.state.is_open() && campaign.send_at.is_none() {
        return Err(Problem::field("scheduled_at", "write when the campaign begins, like 2027-05-03T09:00:00"));
    }
    let campaign = approved(&api, &caller, &actor, campaign).await?;
    let campaign = match campaign.state {
        CampaignState::InReview | CampaignState::Scheduled => campaign,
        _ => there(id, schedule_campaign(&api.db, &actor, id).await.map_err(as_of_old)?)?,
    };
    answer(&api, &actor, campaign).await
}

/// Sends a campaign now, if the caller may approve it, or it is approved.
#[utoipa::path(post, path = "/campaigns/{id}/send", operation_id = "marketingSendCampaign", tag = "compat",
    responses(
        (status = 200, description = "The campaign is being sent", body = OldCampaign),
        (status = 202, description = "The campaign waits until somebody else approves it", body = OldCampaign),
    )
)]
async fn send(
    State(api): State<Api>,
    By(actor): By,
    Extension(caller): Extension<Caller>,
    Id(id): Id,
) -> Result<(StatusCode, Json<OldCampaign>), Problem> {
    let campaign = found(&api, actor.workspace_id, id).await?;
    let campaign = approved(&api, &caller, &actor, campaign).await?;
    if campaign.state == CampaignState::InReview {
        return answer(&api, &actor, campaign).await;
    }
    if !caller.may_post(SEND) {
        let detail = "a campaign is sent at once by the roles agency and owner: schedule it, or ask one of them";
        return Err(Problem::new(Kind::Forbidden, detail));
    }
    let campaign = there(id, send_campaign(&api.db, &actor, id).await.map_err(as_of_old)?)?;
    answer(&api, &actor, campaign).await
}

/// Brings a campaign to its approval as far as the caller may.
async fn approved(api: &Api, caller: &Caller, actor: &Actor, campaign: Campaign) -> Result<Campaign, Problem> {
    let id = campaign.id;
    let campaign = match campaign.state {
        CampaignState::Draft => there(id, submit_campaign(&api.db, actor, id).await.map_err(as_of_old)?)?,
        _ => campaign,
    };
    if campaign.state != CampaignState::InReview || !caller.may_post(APPROVE) {
        return Ok(campaign);
    }
    match approve_campaign(&api.db, actor, id, Approver::Member).await {
        // Somebody else has to.
        Err(MessagingError::WrongState(_)) => found(api, actor.workspace_id, id).await,
        approved => there(id, approved?),
    }
}

fn there(id: Uuid, campaign: Option<Campaign>) -> Result<Campaign, Problem> {
    campaign.ok_or_else(|| Problem::missing("campaign", id))
}

/// The fields have other names here.
fn as_of_old(error: MessagingError) -> Problem {
    match error {
        MessagingError::Field { field: "send_at", detail } => Problem::field("scheduled_at", detail),
        MessagingError::Field { field: "template_id", detail } => Problem::field("content", detail),
        MessagingError::Field { field: "audience", detail } => Problem::field("segment", detail),
        error => error.into(),
    }
}

async fn answer(api: &Api, actor: &Actor, campaign: Campaign) -> Result<(StatusCode, Json<OldCampaign>), Problem> {
    let status = match campaign.state {
        CampaignState::InReview => StatusCode::ACCEPTED,
        _ => StatusCode::OK,
    };
    Ok((status, Json(told(api, actor.workspace_id, campaign).await?)))
}
