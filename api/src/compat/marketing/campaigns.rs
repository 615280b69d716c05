//! `/campaigns`: the workspace's campaigns, each of one channel. What one says is a message template of its own.

mod content;
mod export;
mod moves;
mod told;

use axum::{
    Extension, Json,
    extract::{Request, State},
    http::StatusCode,
};
use chrono::{DateTime, LocalResult, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use herald_contacts::Channel;
use herald_messaging::{
    Audience, Campaign, CampaignCounts, CampaignFields, CampaignFilter, CampaignSettings, CampaignState, NewCampaign,
    counts_of, create_campaign, find_campaign, list_campaigns,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use self::content::Content;
use crate::{
    Api,
    front::{
        actor::By,
        auth::{Caller, Workspace},
        input,
        problem::Problem,
    },
};

/// The campaigns, messages or events that one answer has at most.
const MOST: usize = 500;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .merge(moves::routes())
        .merge(told::routes())
        .merge(export::routes())
}

/// A campaign as the marketing backend told of it.
#[derive(Serialize, ToSchema)]
#[schema(as = MarketingCampaign)]
struct OldCampaign {
    id: Uuid,
    name: String,
    /// The name.
    title: String,
    status: CampaignState,
    channel: Channel,
    /// The channel alone.
    channels: [Channel; 1],
    /// The segment, if it writes to one.
    segment: Option<Uuid>,
    /// Whoever has one of these tags, too.
    tags: Vec<String>,
    /// The subject, in the answer to what was just written.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// The content, in the answer to what was just written.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    /// When it begins, by the clocks of the time zone.
    #[schema(example = "2027-05-03T09:00:00+02:00")]
    scheduled_at: Option<String>,
    /// The time zone, as an IANA name.
    timezone: String,
    /// How many messages are in which state.
    metrics: Metrics,
    /// What it waits for, or why it stopped.
    detail: Option<String>,
    created_at: String,
    updated_at: String,
}

/// How many messages of a campaign are in which state.
#[derive(Serialize, ToSchema)]
#[schema(as = MarketingMetrics)]
struct Metrics {
    /// All that are planned.
    total: i64,
    /// They wait, or are just being handed over.
    pending: i64,
    /// They were handed over, whether they have arrived or not.
    sent: i64,
    /// They have arrived.
    delivered: i64,
    /// They were refused for good.
    failed: i64,
    /// They were not to be sent.
    suppressed: i64,
    /// They may have been sent or not.
    unknown: i64,
}

impl From<CampaignCounts> for Metrics {
    fn from(counts: CampaignCounts) -> Self {
        Self {
            total: counts.planned,
            pending: counts.open(),
            sent: counts.handed_over(),
            delivered: counts.delivered,
            failed: counts.failed,
            suppressed: counts.suppressed,
            unknown: counts.unknown,
        }
    }
}

impl OldCampaign {
    fn of(campaign: Campaign, counts: CampaignCounts) -> Self {
        let zone: Tz = campaign.settings.0.time_zone.parse().unwrap_or(Tz::UTC);
        let Audience { segments, tags, .. } = campaign.audience.0;
        let waits =
            "the campaign waits until somebody else of the workspace, with the role agency or owner, approves it";
        Self {
            id: campaign.id,
            title: campaign.name.clone(),
            name: campaign.name,
            status: campaign.state,
            channel: campaign.channel,
            channels: [campaign.channel],
            segment: segments.first().copied(),
            tags,
            subject: None,
            content: None,
            scheduled_at: campaign.send_at.map(|at| at.with_timezone(&zone).to_rfc3339()),
            timezone: campaign.settings.0.time_zone,
            metrics: counts.into(),
            detail: match campaign.state {
                CampaignState::InReview => Some(waits.to_owned()),
                _ => campaign.reason,
            },
            created_at: campaign.created_at.to_rfc3339(),
            updated_at: campaign.updated_at.to_rfc3339(),
        }
    }
}

/// A campaign with its counts.
async fn told(api: &Api, workspace: Uuid, campaign: Campaign) -> Result<OldCampaign, Problem> {
    let counts = counts_of(&api.db, workspace, vec![campaign.id]).await?.remove(&campaign.id).unwrap_or_default();
    Ok(OldCampaign::of(campaign, counts))
}

/// A campaign of the workspace.
async fn found(api: &Api, workspace: Uuid, id: Uuid) -> Result<Campaign, Problem> {
    find_campaign(&api.db, workspace, id).await?.ok_or_else(|| Problem::missing("campaign", id))
}

/// Lists the newest campaigns.
#[utoipa::path(get, path = "/campaigns", operation_id = "marketingCampaigns", tag = "compat",
    responses(
        (status = 200, description = "The campaigns, at most 500", body = Vec<OldCampaign>),
    )
)]
async fn list(State(api): State<Api>, Workspace(workspace): Workspace) -> Result<Json<Vec<OldCampaign>>, Problem> {
    let found = list_campaigns(&api.db, workspace, &CampaignFilter::default(), None, MOST).await?;
    let mut counts = counts_of(&api.db, workspace, found.iter().map(|campaign| campaign.id).collect()).await?;
    let with_counts = |campaign: Campaign| {
        let counts = counts.remove(&campaign.id).unwrap_or_default();
        OldCampaign::of(campaign, counts)
    };
    Ok(Json(found.into_iter().map(with_counts).collect()))
}

/// A campaign as the front end sends one.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = MarketingNewCampaign)]
#[serde(default)]
struct Sent {
    /// The name, which only the workspace's people see. One of this and `title` is needed.
    name: Option<String>,
    title: Option<String>,
    /// The channel; left out, the first of `channels`, or `email`.
    channel: Option<Channel>,
    /// The channels, of which the campaign gets one: `email`, if it is among them.
    channels: Vec<Channel>,
    /// The subject. Left out, the name.
    subject: Option<String>,
    /// What it says, as text or as HTML, with placeholders such as `{{ name }}`.
    content: Option<String>,
    /// The same as `content`.
    message: Option<String>,
    /// The language of the content, as a BCP 47 tag; left out, `en`.
    language: Option<String>,
    /// Whom it writes to: the id of a segment.
    segment: Option<Uuid>,
    /// The same as `segment`.
    segment_id: Option<Uuid>,
    /// Whoever has one of these tags, too.
    tags: Vec<String>,
    /// The product that it was about, which is not kept.
    product: Option<serde_json::Value>,
    /// When it shall begin.
    #[schema(example = "2027-05-03T09:00:00")]
    scheduled_at: Option<String>,
    /// The time zone, as an IANA name; left out, `UTC`.
    #[schema(example = "Europe/Madrid")]
    timezone: Option<String>,
}

impl Sent {
    fn name(&self) -> Option<&str> {
        filled(self.name.as_deref()).or_else(|| filled(self.title.as_deref()))
    }

    fn channel(&self) -> Channel {
        match self.channel {
            Some(channel) => channel,
            None if self.channels.contains(&Channel::Email) => Channel::Email,
            None => self.channels.first().copied().unwrap_or(Channel::Email),
        }
    }

    /// What it says, if it says something.
    fn content(&self) -> Option<Content<'_>> {
        let text = filled(self.content.as_deref()).or_else(|| filled(self.message.as_deref()))?;
        let subject = filled(self.subject.as_deref()).or_else(|| self.name()).unwrap_or_default();
        Some(Content { subject, text, language: filled(self.language.as_deref()).unwrap_or("en") })
    }

    fn fields(&self) -> Result<CampaignFields, Problem> {
        let time_zone = filled(self.timezone.as_deref()).map_or_else(|| "UTC".to_owned(), str::to_owned);
        let send_at = filled(self.scheduled_at.as_deref()).map(|text| moment(text, &time_zone)).transpose()?;
        let segments = self.segment.or(self.segment_id).into_iter().collect();
        Ok(CampaignFields {
            name: self.name().map(str::to_owned),
            audience: Some(Audience { segments, tags: self.tags.clone(), ..Audience::default() }),
            settings: Some(CampaignSettings { time_zone, ..CampaignSettings::default() }),
            send_at: send_at.map(Some),
            ..CampaignFields::default()
        })
    }
}

/// Creates a campaign, as a draft. Its own content becomes a message template.
#[utoipa::path(post, path = "/campaigns", operation_id = "marketingCreateCampaign", tag = "compat",
    request_body = Sent,
    responses(
        (status = 201, description = "The campaign", body = OldCampaign),
    )
)]
async fn create(
    State(api): State<Api>,
    By(actor): By,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<(StatusCode, Json<OldCampaign>), Problem> {
    let sent: Sent = input::json(request).await?;
    let channel = sent.channel();
    let mut fields = sent.fields()?;
    let mut template = None;
    if channel == Channel::Email {
        fields.sender_id = content::sender(&api, &caller, &actor).await?;
        if let (Some(content), Some(name)) = (sent.content(), sent.name()) {
            template = Some(content.keep(&api, &caller, &actor, name).await?);
        }
    }
    fields.template_id = template;
    let made = match create_campaign(&api.db, &actor, NewCampaign { channel, fields }).await {
        Ok(made) => made,
        Err(error) => {
            // Sent again, it makes its own.
            if let Some(template) = template {
                content::forget(&api, &actor, template).await?;
            }
            return Err(error.into());
        }
    };
    let mut told = told(&api, actor.workspace_id, made).await?;
    if let Some(Content { subject, text, .. }) = sent.content() {
        (told.subject, told.content) = (Some(subject.to_owned()), Some(text.to_owned()));
    }
    Ok((StatusCode::CREATED, Json(told)))
}

/// A text that is not empty.
fn filled(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// A time with an offset, or one by the clocks of a zone. An hour that the clocks skip or show twice is asked for
/// again.
fn moment(text: &str, zone: &str) -> Result<DateTime<Utc>, Problem> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.to_utc());
    }
    let wrong = |detail: String| Problem::field("scheduled_at", detail);
    let zone: Tz = zone.parse().map_err(|_| {
        Problem::field("timezone", format!("{zone:?} is not a time zone: write an IANA name such as Europe/Madrid"))
    })?;
    let forms = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"];
    let local = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let local = local.ok_or_else(|| wrong(format!("{text:?} is not a time: write it like 2027-05-03T09:00:00")))?;
    match zone.from_local_datetime(&local) {
        LocalResult::Single(at) => Ok(at.to_utc()),
        LocalResult::None => Err(wrong(format!("the clocks in {zone} skip {text}: choose another time"))),
        LocalResult::Ambiguous(first, second) => Err(wrong(format!(
            "the clocks in {zone} show {text} twice: write {} or {}",
            first.to_rfc3339(),
            second.to_rfc3339()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sent(value: serde_json::Value) -> Sent {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_the_front_end_sends_becomes_a_campaign() {
        let one = sent(json!({
            "title": "Spring", "channels": ["whatsapp", "email"], "message": "Hello", "segment_id": Uuid::nil(),
            "tags": ["vip"], "scheduled_at": "2027-05-03T09:00:00", "timezone": "Europe/Madrid", "product": 7,
        }));
        let fields = one.fields().unwrap();
        assert_eq!((one.channel(), fields.name.as_deref()), (Channel::Email, Some("Spring")));
        assert_eq!(fields.send_at.unwrap().unwrap().to_rfc3339(), "2027-05-03T07:00:00+00:00");
        assert_eq!(fields.settings.unwrap().time_zone, "Europe/Madrid");
        let audience = fields.audience.unwrap();
        assert_eq!((audience.segments, audience.tags), (vec![Uuid::nil()], vec!["vip".to_owned()]));
        let content = one.content().unwrap();
        assert_eq!((content.subject, content.text, content.language), ("Spring", "Hello", "en"));
        assert_eq!(sent(json!({ "name": "x", "channels": ["whatsapp"] })).channel(), Channel::Whatsapp);
        assert!(sent(json!({ "name": "x", "subject": "y", "content": " " })).content().is_none());
    }

    #[test]
    fn times_are_by_the_clocks_of_the_zone() {
        let said = |text: &str, zone: &str| moment(text, zone).map(|at| at.to_rfc3339()).map_err(|no| no.to_string());
        assert_eq!(said("2027-05-03 09:00", "Asia/Tokyo").unwrap(), "2027-05-03T00:00:00+00:00");
        assert_eq!(said("2027-05-03T09:00:00-05:00", "Asia/Tokyo").unwrap(), "2027-05-03T14:00:00+00:00");
        assert!(said("2027-03-28T02:30:00", "Europe/Madrid").unwrap_err().contains("skip"));
        assert!(said("2027-10-31T02:30:00", "Europe/Madrid").unwrap_err().contains("twice"));
        assert!(said("soon", "UTC").unwrap_err().contains("2027-05-03T09:00:00"));
        assert!(said("2027-05-03T09:00:00", "Mars").unwrap_err().contains("IANA"));
    }
}
