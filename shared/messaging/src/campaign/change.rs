//! Making campaigns and changing them. A change takes an approval away: what was approved is not what it is any more.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use herald_contacts::Channel;
use serde::{Deserialize, Deserializer};
use serde_json::json;
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Audience, Campaign, CampaignSettings, CampaignState, find_campaign, note};
use crate::{MessagingError, Result, find_sender, template::find_message_template};
use herald_db::{Db, Tx, query};
use herald_ledger::audit::{self, Actor, Entry};

const LONGEST_NAME: usize = 200;

/// What a campaign is. Missing values stay as they are, or are the usual ones.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CampaignFields {
    /// Its name, which only the workspace's people see.
    #[schema(min_length = 1, max_length = 200)]
    pub name: Option<String>,
    /// In whose name it is sent: the id of a sender.
    pub sender_id: Option<Uuid>,
    /// What it says: the id of a message template.
    pub template_id: Option<Uuid>,
    /// In which version; left out, the newest when the campaign is submitted.
    #[schema(minimum = 1)]
    pub template_version: Option<i64>,
    /// Whom it writes to.
    pub audience: Option<Audience>,
    /// In which hours, and under which limits.
    pub settings: Option<CampaignSettings>,
    /// When it shall begin; `null` takes the time away.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    pub send_at: Option<Option<DateTime<Utc>>>,
}

/// Tells what is `null` from what is left out.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> std::result::Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// A new campaign.
#[derive(Clone, Debug)]
pub struct NewCampaign {
    /// The channel over which it goes.
    pub channel: Channel,
    /// What it is.
    pub fields: CampaignFields,
}

/// Makes a campaign, as a draft.
///
/// # Errors
/// [`MessagingError::Field`].
#[boxed]
pub async fn create_campaign(db: &Db, actor: &Actor, new: NewCampaign) -> Result<Campaign> {
    let NewCampaign { channel, fields } = new;
    if channel == Channel::Phone {
        return Err(MessagingError::field("channel", "campaigns go by email or whatsapp"));
    }
    let name = usable(fields.name.as_deref().unwrap_or_default())?;
    check(db, actor.workspace_id, channel, &fields).await?;
    let now = db.now();
    let id = db.new_id();
    let mut tx = db.begin().await?;
    query(
        "insert into campaigns (id, workspace_id, name, channel, state, version, sender_id, template_id,
           template_version, audience, settings, send_at, round, created_by, created_at, updated_at)
         values ($1, $2, $3, $4, 'draft', 1, $5, $6, $7, $8, $9, $10, 0, $11, $12, $12)",
    )
    .bind(id)
    .bind(actor.workspace_id)
    .bind(name)
    .bind(channel.as_str())
    .bind(fields.sender_id)
    .bind(fields.template_id)
    .bind(fields.template_version)
    .bind(json!(fields.audience.unwrap_or_default()))
    .bind(json!(fields.settings.unwrap_or_default()))
    .bind(fields.send_at.flatten())
    .bind(actor.who.as_str())
    .bind(now)
    .execute(&mut tx)
    .await?;
    note(&mut tx, actor.workspace_id, id, ("created", Some(&actor.who), json!({}))).await?;
    audit::record(&mut tx, actor, Entry::of("campaign.create", id)).await?;
    tx.commit().await?;
    found(db, actor.workspace_id, id).await
}

/// Changes a campaign that has not begun, if the caller has seen its version. It is a draft then. `None`: there is no
/// such campaign.
///
/// # Errors
/// [`MessagingError::Field`], [`MessagingError::Changed`]; [`MessagingError::WrongState`] if it has begun.
#[boxed]
pub async fn change_campaign(
    db: &Db,
    actor: &Actor,
    id: Uuid,
    fields: CampaignFields,
    seen: Option<i64>,
) -> Result<Option<Campaign>> {
    let Some(old) = find_campaign(db, actor.workspace_id, id).await? else { return Ok(None) };
    if seen.is_some_and(|seen| seen != old.version) {
        return Err(MessagingError::Changed);
    }
    if !old.state.is_open() {
        let detail = format!("the campaign is {}: it can be changed until it begins; duplicate it instead", old.state);
        return Err(MessagingError::WrongState(detail));
    }
    let name = fields.name.as_deref().map(usable).transpose()?.unwrap_or_else(|| old.name.clone());
    check(db, actor.workspace_id, old.channel, &fields).await?;
    // Another template begins with its newest version.
    let version = fields.template_version.or(old.template_version.filter(|_| fields.template_id.is_none()));
    let settings = fields.settings.map_or_else(
        || old.settings.0.clone(),
        |mut new| {
            // What it says over WhatsApp has a form of its own.
            new.whatsapp = new.whatsapp.or_else(|| old.settings.0.whatsapp.clone());
            new
        },
    );
    let mut tx = db.begin().await?;
    let changed = query(
        "update campaigns set name = $4, sender_id = $5, template_id = $6, template_version = $7, audience = $8,
           settings = $9, send_at = $10, state = 'draft', version = version + 1, submitted_by = null,
           approved_by = null, approved_at = null, approved_hash = null, content = null, reason = null, updated_at = $11
         where workspace_id = $1 and id = $2 and version = $3",
    )
    .bind(actor.workspace_id)
    .bind(id)
    .bind(old.version)
    .bind(name)
    .bind(fields.sender_id.or(old.sender_id))
    .bind(fields.template_id.or(old.template_id))
    .bind(version)
    .bind(json!(fields.audience.unwrap_or(old.audience.0)))
    .bind(json!(settings))
    .bind(fields.send_at.unwrap_or(old.send_at))
    .bind(db.now())
    .execute(&mut tx)
    .await?;
    if changed == 0 {
        return Err(MessagingError::Changed);
    }
    let detail = json!({ "was": old.state });
    note(&mut tx, actor.workspace_id, id, ("changed", Some(&actor.who), detail)).await?;
    audit::record(&mut tx, actor, Entry::of("campaign.change", id)).await?;
    tx.commit().await?;
    Ok(Some(found(db, actor.workspace_id, id).await?))
}

/// Makes a draft that is like a campaign, with the newest version of its template, and no time. `None`: there is no
/// such campaign.
///
/// # Errors
/// [`MessagingError::Field`] if its sender or its template is gone.
#[boxed]
pub async fn duplicate_campaign(db: &Db, actor: &Actor, id: Uuid) -> Result<Option<Campaign>> {
    let Some(old) = find_campaign(db, actor.workspace_id, id).await? else { return Ok(None) };
    let name: String = format!("Copy of {}", old.name).chars().take(LONGEST_NAME).collect();
    let fields = CampaignFields {
        name: Some(name),
        sender_id: old.sender_id,
        template_id: old.template_id,
        template_version: None,
        audience: Some(old.audience.0),
        settings: Some(CampaignSettings { expires_at: None, ..old.settings.0 }),
        send_at: None,
    };
    Ok(Some(create_campaign(db, actor, NewCampaign { channel: old.channel, fields }).await?))
}

pub(super) async fn found(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Campaign> {
    let gone = || MessagingError::WrongState(format!("the campaign {id} is gone"));
    find_campaign(db, workspace_id, id).await?.ok_or_else(gone)
}

/// The same, within a transaction.
pub(super) async fn found_in(tx: &mut Tx, workspace_id: Uuid, id: Uuid) -> Result<Option<Campaign>> {
    Ok(query(concat!("select ", super::campaign_row!(), " from campaigns where workspace_id = $1 and id = $2"))
        .bind(workspace_id)
        .bind(id)
        .optional(tx)
        .await?)
}

async fn check(db: &Db, workspace_id: Uuid, channel: Channel, fields: &CampaignFields) -> Result<()> {
    if let Some(settings) = &fields.settings {
        settings.check()?;
    }
    if let Some(audience) = &fields.audience {
        audience.check(db, workspace_id).await?;
    }
    if let Some(id) = fields.sender_id {
        let sender = find_sender(db, workspace_id, id).await?;
        let Some(sender) = sender else {
            let detail = format!("there is no sender {id} in this workspace: choose one from the list, or make one");
            return Err(MessagingError::field("sender_id", detail));
        };
        if sender.channel != channel {
            let detail = format!("the sender {:?} sends by {}, not by {channel}", sender.name, sender.channel);
            return Err(MessagingError::field("sender_id", detail));
        }
    }
    if let Some(id) = fields.template_id
        && find_message_template(db, workspace_id, id).await?.is_none()
    {
        let detail = format!("there is no message template {id} in this workspace: choose one from the list");
        return Err(MessagingError::field("template_id", detail));
    }
    Ok(())
}

fn usable(name: &str) -> Result<String> {
    let name: String = name.split_whitespace().collect::<Vec<_>>().join(" ").nfc().collect();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        let detail = format!("the name {name:?} cannot be used: write 1 to {LONGEST_NAME} characters");
        return Err(MessagingError::field("name", detail));
    }
    Ok(name)
}

impl CampaignState {
    /// What to tell somebody who wants something that this state does not allow.
    pub(super) fn does_not_allow(self, act: &str, needed: &str) -> MessagingError {
        MessagingError::WrongState(format!("the campaign is {self}: it can be {act} while it is {needed}"))
    }
}
