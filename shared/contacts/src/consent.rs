//! What a person agreed to, channel by channel, with its proof. Rows are only added: the newest of a channel holds.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{Channel, ContactError, NewActivity, find_contact, record_activities};
use herald_db::{Db, FromRow, Result, query};
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
    let (id, at) = (tx.db().new_id(), tx.db().now());
    let made = query(
        "insert into contact_consents (id, workspace_id, contact_id, channel, given, wording, source, proof, at)
         select $1, c.workspace_id, c.id, $4, $5, $6, $7, $8, $9 from contacts as c
         where c.workspace_id = $2 and c.id = $3 and c.merged_into is null",
    )
    .bind(id)
    .bind(actor.workspace_id)
    .bind(contact_id)
    .bind(new.channel.as_str())
    .bind(new.given)
    .bind(new.wording.as_str())
    .bind(new.source.as_str())
    .bind(new.proof.clone())
    .bind(at)
    .execute(&mut tx)
    .await?;
    if made == 0 {
        return Ok(None);
    }
    let (kind, channel) = (if new.given { "consent.given" } else { "consent.withdrawn" }, new.channel.as_str());
    let activity = NewActivity::of(contact_id, kind, &actor.who).about(id).with(json!({ "channel": channel }));
    record_activities(&mut tx, actor.workspace_id, vec![activity]).await?;
    audit::record(&mut tx, actor, Entry::of(kind, contact_id).with(json!({ "channel": channel }))).await?;
    tx.commit().await?;
    let NewConsent { given, wording, source, proof, .. } = new;
    Ok(Some(Consent { id, channel: channel.to_owned(), given, wording, source, proof, at }))
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
