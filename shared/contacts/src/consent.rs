//! What a person agreed to, channel by channel, with its proof. Rows are only added: the newest of a channel holds.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{Channel, ContactError, NewActivity, find_contact, record_activities};
use herald_db::{Db, FromRow, Result, Tx, query};
use herald_ledger::audit::{self, Actor, Entry};

const LONGEST: usize = 2_000;

/// A consent, or its withdrawal.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = NewContactConsent)]
#[serde(deny_unknown_fields)]
pub struct NewConsent {
    /// The channel.
    pub channel: Channel,
    /// Whether the person agrees; `false` takes an earlier consent back.
    pub given: bool,
    /// The words to which the person agreed.
    pub wording: String,
    /// Where the person said so.
    #[schema(example = "sign-up form of 2026")]
    pub source: String,
    /// What proves it, such as the id of the confirmation mail.
    pub proof: Option<String>,
}

/// A consent, or its withdrawal, as it was written down.
#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
#[schema(as = ContactConsent)]
pub struct Consent {
    /// Its id.
    pub id: Uuid,
    /// The channel.
    pub channel: String,
    /// Whether the person agreed.
    pub given: bool,
    /// The words to which the person agreed.
    pub wording: String,
    /// Where the person said so.
    pub source: String,
    /// What proves it.
    pub proof: Option<String>,
    /// When it was written down.
    pub at: DateTime<Utc>,
}

/// Writes a consent down. `None`: there is no such contact.
///
/// # Errors
/// [`ContactError::Field`].
#[boxed]
pub async fn add_consent(
    db: &Db,
    actor: &Actor,
    contact_id: Uuid,
    new: NewConsent,
) -> std::result::Result<Option<Consent>, ContactError> {
    for (field, text) in [("wording", &new.wording), ("source", &new.source)] {
        if text.trim().is_empty() || text.chars().count() > LONGEST {
            let detail = format!("the {field} is empty or too long: use 1 to {LONGEST} characters");
            return Err(ContactError::Field { field, detail });
        }
    }
    if let Some(contact) = find_contact(db, actor.workspace_id, contact_id).await? {
        contact.is_itself()?;
    }
    let mut tx = db.begin().await?;
    let Some((id, at)) = insert(&mut tx, actor.workspace_id, contact_id, &new).await? else { return Ok(None) };
    let (kind, channel) = (if new.given { "consent.given" } else { "consent.withdrawn" }, new.channel.as_str());
    let activity = NewActivity::of(contact_id, kind, &actor.who).about(id).with(json!({ "channel": channel }));
    record_activities(&mut tx, actor.workspace_id, vec![activity]).await?;
    audit::record(&mut tx, actor, Entry::of(kind, contact_id).with(json!({ "channel": channel }))).await?;
    tx.commit().await?;
    let NewConsent { given, wording, source, proof, .. } = new;
    Ok(Some(Consent { id, channel: channel.to_owned(), given, wording, source, proof, at }))
}

async fn insert(
    tx: &mut Tx,
    workspace_id: Uuid,
    contact_id: Uuid,
    new: &NewConsent,
) -> Result<Option<(Uuid, DateTime<Utc>)>> {
    let (id, at) = (tx.db().new_id(), tx.db().now());
    let made = query(
        "insert into contact_consents (id, workspace_id, contact_id, channel, given, wording, source, proof, at)
         select $1, c.workspace_id, c.id, $4, $5, $6, $7, $8, $9 from contacts as c
         where c.workspace_id = $2 and c.id = $3 and c.merged_into is null",
    )
    .bind(id)
    .bind(workspace_id)
    .bind(contact_id)
    .bind(new.channel.as_str())
    .bind(new.given)
    .bind(new.wording.as_str())
    .bind(new.source.as_str())
    .bind(new.proof.clone())
    .bind(at)
    .execute(tx)
    .await?;
    Ok((made > 0).then_some((id, at)))
}

/// Writes down what a person said of a consent by themselves, such as through a link in a message, and tells it in the
/// timeline. Returns its id. `None`: there is no such contact.
#[boxed]
pub async fn write_consent(
    tx: &mut Tx,
    workspace_id: Uuid,
    contact_id: Uuid,
    new: &NewConsent,
) -> Result<Option<Uuid>> {
    let Some((id, _)) = insert(tx, workspace_id, contact_id, new).await? else { return Ok(None) };
    let kind = if new.given { "consent.given" } else { "consent.withdrawn" };
    let told = NewActivity { who: None, ..NewActivity::of(contact_id, kind, "") };
    let told = told.about(id).with(json!({ "channel": new.channel.as_str() }));
    record_activities(tx, workspace_id, vec![told]).await?;
    Ok(Some(id))
}

/// Takes back a withdrawal that was not the person's own: what held before it holds again. False: there is none of that
/// id.
#[boxed]
pub async fn take_back_withdrawal(tx: &mut Tx, workspace_id: Uuid, id: Uuid) -> Result<bool> {
    let taken = query("delete from contact_consents where workspace_id = $1 and id = $2 and not given")
        .bind(workspace_id)
        .bind(id)
        .execute(tx)
        .await?;
    Ok(taken > 0)
}

/// Whether a person agreed to a channel after this time, and did not take it back since.
#[boxed]
pub async fn has_agreed_since(
    tx: &mut Tx,
    workspace_id: Uuid,
    contact_id: Uuid,
    channel: Channel,
    since: DateTime<Utc>,
) -> Result<bool> {
    let newest: Option<(bool, DateTime<Utc>)> = query(
        "select given, at from contact_consents where workspace_id = $1 and contact_id = $2 and channel = $3
         order by at desc, id desc limit 1",
    )
    .bind(workspace_id)
    .bind(contact_id)
    .bind(channel.as_str())
    .optional(tx)
    .await?;
    Ok(newest.is_some_and(|(given, at)| given && at > since))
}

/// The consents of a contact and their withdrawals, the newest first.
#[boxed]
pub async fn list_consents(db: &Db, workspace_id: Uuid, contact_id: Uuid) -> Result<Vec<Consent>> {
    query(
        "select id, channel, given, wording, source, proof, at from contact_consents
         where workspace_id = $1 and contact_id = $2 order by at desc, id desc",
    )
    .bind(workspace_id)
    .bind(contact_id)
    .all(db)
    .await
}
