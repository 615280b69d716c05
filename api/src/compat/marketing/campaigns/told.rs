//! `/campaigns/{id}/messages` and `…/logs`: what became of each message, and what happened with the campaign.

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use herald_contacts::Channel;
use herald_messaging::{CampaignEvent, Message, MessageFilter, MessageState, list_campaign_log, list_messages};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{MOST, found};
use crate::{
    Api,
    front::{auth::Workspace, input::Id, problem::Problem},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(messages)).routes(routes!(logs))
}

/// A message as the marketing backend told of it.
#[derive(Serialize, ToSchema)]
#[schema(as = MarketingMessage)]
struct OldMessage {
    id: Uuid,
    campaign: Uuid,
    /// The customer; none once they were erased.
    customer: Option<Uuid>,
    customer_name: Option<String>,
    /// The address or number.
    recipient: String,
    channel: Channel,
    status: MessageState,
    /// Why it failed, waits, or was not to be sent.
    error: Option<String>,
    /// What the other side answered.
    response: Option<String>,
    /// How often it was put off.
    retries: i64,
    sent_at: Option<String>,
    delivered_at: Option<String>,
    opened_at: Option<String>,
    clicked_at: Option<String>,
    updated_at: String,
}

impl OldMessage {
    fn of(message: Message, channel: Channel) -> Self {
        let time = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339());
        Self {
            id: message.id,
            campaign: message.campaign_id,
            customer: message.contact_id,
            customer_name: message.name,
            recipient: message.address,
            channel,
            status: message.state,
            error: message.reason,
            response: message.said,
            retries: message.tries,
            sent_at: time(message.sent_at),
            delivered_at: time(message.delivered_at),
            opened_at: time(message.opened_at),
            clicked_at: time(message.clicked_at),
            updated_at: message.updated_at.to_rfc3339(),
        }
    }
}

/// Lists the messages of a campaign, the newest first.
#[utoipa::path(get, path = "/campaigns/{id}/messages", operation_id = "marketingMessages", tag = "compat",
    responses(
        (status = 200, description = "The messages, at most 500", body = Vec<OldMessage>),
    )
)]
async fn messages(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
) -> Result<Json<Vec<OldMessage>>, Problem> {
    let channel = found(&api, workspace, id).await?.channel;
    let filter = MessageFilter { campaign_id: Some(id), ..MessageFilter::default() };
    let messages = list_messages(&api.db, workspace, &filter, None, MOST).await?;
    Ok(Json(messages.into_iter().map(|message| OldMessage::of(message, channel)).collect()))
}

/// Something that happened with a campaign, as the marketing backend told of it.
#[derive(Serialize, ToSchema)]
#[schema(as = MarketingCampaignLog)]
struct OldEvent {
    id: Uuid,
    /// What happened, such as `approved`.
    event: String,
    /// Who did it; none: Herald itself.
    actor: Option<String>,
    /// More about it.
    #[schema(value_type = serde_json::Map<String, Value>)]
    details: Value,
    created_at: String,
}

impl From<CampaignEvent> for OldEvent {
    fn from(event: CampaignEvent) -> Self {
        Self {
            id: event.id,
            event: event.kind,
            actor: event.who,
            details: event.detail.0,
            created_at: event.at.to_rfc3339(),
        }
    }
}

/// Lists what happened with a campaign, the newest first.
#[utoipa::path(get, path = "/campaigns/{id}/logs", operation_id = "marketingCampaignLogs", tag = "compat",
    responses(
        (status = 200, description = "What happened, at most 500", body = Vec<OldEvent>),
    )
)]
async fn logs(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
) -> Result<Json<Vec<OldEvent>>, Problem> {
    found(&api, workspace, id).await?;
    let events = list_campaign_log(&api.db, workspace, id, None, MOST).await?;
    Ok(Json(events.into_iter().map(OldEvent::from).collect()))
}
