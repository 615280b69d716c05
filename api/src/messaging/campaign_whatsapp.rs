//! `/campaigns/{id}/whatsapp`: what a campaign over WhatsApp says.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use herald_contacts::Channel;
use herald_messaging::{Campaign, CampaignFields, CampaignSettings, WhatsappContent, change_campaign};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::campaigns::{View, found, view};
use crate::{
    Api,
    front::{
        actor::By,
        conditional::tagged,
        input::{self, Id},
        problem::{Kind, Problem},
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(set))
}

/// Sets the template of a campaign over WhatsApp, and what is put into its variables. The campaign is a draft then.
#[utoipa::path(put, path = "/campaigns/{id}/whatsapp", operation_id = "setCampaignWhatsapp", tag = "campaigns",
    request_body = WhatsappContent,
    responses(
        (status = 200, description = "The campaign", body = View, headers(("etag" = String,
            description = "The version of the campaign, for If-Match and If-None-Match"))),
        (status = 409, description = "The campaign has begun, or does not go over WhatsApp"),
    )
)]
async fn set(State(api): State<Api>, By(actor): By, Id(id): Id, request: Request) -> Result<Response, Problem> {
    let content: WhatsappContent = input::json(request).await?;
    let campaign: Campaign = found(&api, actor.workspace_id, id).await?;
    if campaign.channel != Channel::Whatsapp {
        let detail = format!("the campaign goes by {}: give it a message template instead", campaign.channel);
        return Err(Problem::new(Kind::WrongState, detail));
    }
    let settings = CampaignSettings { whatsapp: Some(content), ..campaign.settings.0 };
    let fields = CampaignFields { settings: Some(settings), ..CampaignFields::default() };
    let changed = change_campaign(&api.db, &actor, id, fields, Some(campaign.version)).await?;
    let changed = changed.ok_or_else(|| Problem::missing("campaign", id))?;
    tagged(StatusCode::OK, view(&api, actor.workspace_id, changed).await?)
}
