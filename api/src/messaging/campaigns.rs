//! `/campaigns`: campaigns, made, changed and listed.

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use herald_contacts::Channel;
use herald_messaging::{
    Audience, AudienceCount, Campaign, CampaignCounts, CampaignEvent, CampaignFields, CampaignFilter, CampaignSettings,
    CampaignState, MessagingError, NewCampaign, change_campaign, count_audience, counts_of, create_campaign,
    duplicate_campaign, eta_of, find_campaign, list_campaign_log, list_campaigns,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Api,
    front::{
        actor::By,
        auth::Workspace,
        conditional::{self, Precondition, Tag, tagged},
        input::{self, Id, Parameters},
        page::{self, Page, PageParameters},
        problem::Problem,
    },
};

const LONGEST_SEARCH: usize = 200;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(audience))
        .routes(routes!(show, change))
        .routes(routes!(duplicate))
        .routes(routes!(log))
}

/// A campaign, and how far its messages are.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignView)]
pub(crate) struct View {
    #[serde(flatten)]
    campaign: Campaign,
    /// How many messages are in which state.
    counts: CampaignCounts,
    /// When it will be sent, as far as can be told; only of a campaign that is being sent, and not in lists.
    eta: Option<DateTime<Utc>>,
}

/// A campaign with its counts.
pub(crate) async fn view(api: &Api, workspace: Uuid, campaign: Campaign) -> Result<View, Problem> {
    let mut counts = counts_of(&api.db, workspace, vec![campaign.id]).await?;
    let counts = counts.remove(&campaign.id).unwrap_or_default();
    let eta = eta_of(&api.db, workspace, &campaign, &counts).await?;
    Ok(View { campaign, counts, eta })
}

/// A campaign of the workspace.
pub(crate) async fn found(api: &Api, workspace: Uuid, id: Uuid) -> Result<Campaign, Problem> {
    find_campaign(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("campaign", id))
}

/// Which campaigns.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
struct Wanted {
    /// Those in this state.
    #[param(pattern = "^(draft|in_review|approved|scheduled|sending|paused|sent|cancelled|failed)?$")]
    state: Option<String>,
    /// Those with this text in their name.
    #[param(max_length = 200)]
    search: Option<String>,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
    /// The largest number of rows on the page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<usize>,
}

/// Lists campaigns, the newest first.
#[utoipa::path(get, path = "/campaigns", operation_id = "listCampaigns", tag = "campaigns",
    params(Wanted),
    responses(
        (status = 200, description = "A page of campaigns", body = Page<View>),
    )
)]
async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Page<View>>, Problem> {
    let filled = |value: &Option<String>| value.clone().filter(|text| !text.trim().is_empty());
    let state = filled(&wanted.state).map(|state| state.parse::<CampaignState>()).transpose();
    let text = filled(&wanted.search);
    if text.as_ref().is_some_and(|text| text.chars().count() > LONGEST_SEARCH) {
        let detail = format!("search is too long: use at most {LONGEST_SEARCH} characters");
        return Err(Problem::field("search", detail));
    }
    let filter = CampaignFilter { state: state.map_err(|error| Problem::field("state", error))?, text };
    let (limit, before) = (page::limit(wanted.limit)?, page::after(wanted.cursor.as_deref())?);
    let found = list_campaigns(&api.db, workspace, &filter, before, limit + 1).await?;
    let ids = found.iter().map(|campaign| campaign.id).collect();
    let mut counts = counts_of(&api.db, workspace, ids).await?;
    let views = found.into_iter().map(|campaign| {
        let counts = counts.remove(&campaign.id).unwrap_or_default();
        View { campaign, counts, eta: None }
    });
    Ok(Json(Page::of(views.collect(), limit, |view| view.campaign.id.to_string())))
}

/// A campaign to make.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewCampaign)]
#[serde(deny_unknown_fields)]
struct New {
    /// The channel over which it goes: `email` or `whatsapp`.
    channel: Channel,
    /// Its name, which only the workspace's people see.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// In whose name it is sent: the id of a sender.
    #[serde(default)]
    sender_id: Option<Uuid>,
    /// What it says: the id of a message template.
    #[serde(default)]
    template_id: Option<Uuid>,
    /// In which version; left out, the newest when the campaign is submitted.
    #[serde(default)]
    #[schema(minimum = 1)]
    template_version: Option<i64>,
    /// Whom it writes to.
    #[serde(default)]
    audience: Option<Audience>,
    /// In which hours, and under which limits.
    #[serde(default)]
    settings: Option<CampaignSettings>,
    /// When it shall begin.
    #[serde(default)]
    send_at: Option<DateTime<Utc>>,
}

impl From<New> for NewCampaign {
    fn from(new: New) -> Self {
        let New { channel, name, sender_id, template_id, template_version, audience, settings, send_at } = new;
        let name = Some(name);
        let send_at = Some(send_at);
        let fields = CampaignFields { name, sender_id, template_id, template_version, audience, settings, send_at };
        Self { channel, fields }
    }
}

/// Makes a campaign, as a draft.
#[utoipa::path(post, path = "/campaigns", operation_id = "createCampaign", tag = "campaigns",
    request_body = New,
    responses(
        (status = 201, description = "The campaign", body = View, headers(("location" = String,
            description = "The address of the campaign"), ("etag" = String,
            description = "The version of the campaign, for If-Match and If-None-Match"))),
    )
)]
async fn create(State(api): State<Api>, By(actor): By, request: Request) -> Result<Response, Problem> {
    let new: New = input::json(request).await?;
    let made = create_campaign(&api.db, &actor, new.into()).await?;
    let location = format!("/api/v1/campaigns/{}", made.id);
    let made = view(&api, actor.workspace_id, made).await?;
    Ok(([(header::LOCATION, location)], tagged(StatusCode::CREATED, made)?).into_response())
}

/// Whom a campaign would write to.
#[derive(Deserialize, ToSchema)]
#[schema(as = AudienceDraft)]
#[serde(deny_unknown_fields)]
struct AudienceDraft {
    /// The channel.
    channel: Channel,
    /// Whom it would write to.
    audience: Audience,
}

/// Counts whom an audience means, and how many of them cannot be written to.
#[utoipa::path(post, path = "/campaigns/audience", operation_id = "countAudience", tag = "campaigns",
    request_body = AudienceDraft,
    responses(
        (status = 200, description = "The counts", body = AudienceCount),
    )
)]
async fn audience(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    request: Request,
) -> Result<Json<AudienceCount>, Problem> {
    let AudienceDraft { channel, audience } = input::json(request).await?;
    if channel == Channel::Phone {
        return Err(
            MessagingError::Field { field: "channel", detail: "campaigns go by email or whatsapp".to_owned() }.into()
        );
    }
    Ok(Json(count_audience(&api.db, workspace, &audience, channel).await?))
}

/// Returns a campaign.
#[utoipa::path(get, path = "/campaigns/{id}", operation_id = "getCampaign", tag = "campaigns",
    responses(
        (status = 200, description = "The campaign", body = View, headers(("etag" = String,
            description = "The version of the campaign, for If-Match and If-None-Match"))),
    )
)]
async fn show(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let campaign = found(&api, workspace, id).await?;
    conditional::show(&headers, &view(&api, workspace, campaign).await?)
}

/// Changes the given fields of a campaign that has not begun. It is a draft then, and must be approved anew.
#[utoipa::path(patch, path = "/campaigns/{id}", operation_id = "changeCampaign", tag = "campaigns",
    request_body = CampaignFields,
    responses(
        (status = 200, description = "The campaign", body = View, headers(("etag" = String,
            description = "The version of the campaign, for If-Match and If-None-Match"))),
        (status = 409, description = "The campaign has begun"),
    )
)]
async fn change(State(api): State<Api>, By(actor): By, Id(id): Id, request: Request) -> Result<Response, Problem> {
    let precondition = Precondition::of(request.headers());
    let fields: CampaignFields = input::json(request).await?;
    let old = found(&api, actor.workspace_id, id).await?;
    let version = old.version;
    let seen = view(&api, actor.workspace_id, old).await?;
    if !precondition.holds(Tag::of_json(&seen).ok().as_ref()) {
        return Err(MessagingError::Changed.into());
    }
    let changed = change_campaign(&api.db, &actor, id, fields, Some(version)).await?;
    let changed = changed.ok_or_else(|| Problem::missing("campaign", id))?;
    tagged(StatusCode::OK, view(&api, actor.workspace_id, changed).await?)
}

/// Makes a draft that is like a campaign.
#[utoipa::path(post, path = "/campaigns/{id}/duplicate", operation_id = "duplicateCampaign", tag = "campaigns",
    responses(
        (status = 201, description = "The copy", body = View, headers(("location" = String,
            description = "The address of the copy"), ("etag" = String,
            description = "The version of the copy, for If-Match and If-None-Match"))),
    )
)]
async fn duplicate(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<Response, Problem> {
    let made = duplicate_campaign(&api.db, &actor, id).await?.ok_or_else(|| Problem::missing("campaign", id))?;
    let location = format!("/api/v1/campaigns/{}", made.id);
    let made = view(&api, actor.workspace_id, made).await?;
    Ok(([(header::LOCATION, location)], tagged(StatusCode::CREATED, made)?).into_response())
}

/// Lists what happened with a campaign, the newest first.
#[utoipa::path(get, path = "/campaigns/{id}/log", operation_id = "listCampaignLog", tag = "campaigns",
    params(PageParameters),
    responses(
        (status = 200, description = "A page of what happened", body = Page<CampaignEvent>),
    )
)]
async fn log(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
    Parameters(wanted): Parameters<PageParameters>,
) -> Result<Json<Page<CampaignEvent>>, Problem> {
    found(&api, workspace, id).await?;
    let (before, limit) = wanted.read()?;
    let events = list_campaign_log(&api.db, workspace, id, before, limit + 1).await?;
    Ok(Json(Page::of(events, limit, |event| event.id.to_string())))
}
