//! Whether a person agreed that what they do with messages is kept beside their name. Rows are only added: the newest
//! one holds, also of two contacts that became one.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use herald_base::boxed;
use herald_contacts::{NewActivity, find_contact, record_activities};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{MessagingError, Result};
use herald_db::{Bulk, Db, FromRow, Tx, query};
use herald_ledger::audit::{self, Actor, Entry};

const LONGEST: usize = 2_000;

/// A consent to be tracked by name, or its withdrawal.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTrackingConsent {
    /// Whether the person agrees; `false` takes an earlier consent back.
    pub given: bool,
    /// The words to which the person agreed.
    pub wording: String,
    /// Where the person said so.
    #[schema(example = "sign-up form of 2026")]
    pub source: String,
    /// What proves it, such as the id of the confirmation mail.
    #[serde(default)]
    pub proof: Option<String>,
}

/// A consent to be tracked by name, or its withdrawal, as it was written down.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct TrackingConsent {
    /// Its id.
    pub id: Uuid,
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
/// [`MessagingError::Field`] names what is empty or too long.
#[boxed]
pub async fn add_tracking_consent(
    db: &Db,
    actor: &Actor,
    contact_id: Uuid,
    new: NewTrackingConsent,
) -> Result<Option<TrackingConsent>> {
    for (field, text) in [("wording", &new.wording), ("source", &new.source)] {
        if text.trim().is_empty() || text.chars().count() > LONGEST {
            let detail = format!("the {field} is empty or too long: use 1 to {LONGEST} characters");
            return Err(MessagingError::field(field, detail));
        }
    }
    if new.proof.as_ref().is_some_and(|proof| proof.chars().count() > LONGEST) {
        return Err(MessagingError::field("proof", format!("the proof is too long: use {LONGEST} characters at most")));
    }
    if find_contact(db, actor.workspace_id, contact_id).await?.is_none() {
        return Ok(None);
    }
    let mut tx = db.begin().await?;
    let (id, at) = (db.new_id(), db.now());
    let made = query(
        "insert into tracking_consents (id, workspace_id, contact_id, given, wording, source, proof, at)
         select $1, c.workspace_id, c.id, $4, $5, $6, $7, $8 from contacts as c
         where c.workspace_id = $2 and c.id = $3 and c.merged_into is null",
    )
    .bind(id)
    .bind(actor.workspace_id)
    .bind(contact_id)
    .bind(new.given)
    .bind(new.wording.as_str())
    .bind(new.source.as_str())
    .bind(new.proof.clone())
    .bind(at)
    .execute(&mut tx)
    .await?;
    if made == 0 {
        let detail = "the contact was merged into another one: write the consent down there";
        return Err(MessagingError::WrongState(detail.to_owned()));
    }
    let kind = if new.given { "tracking.allowed" } else { "tracking.refused" };
    let activity = NewActivity::of(contact_id, kind, &actor.who).about(id);
    record_activities(&mut tx, actor.workspace_id, vec![activity]).await?;
    audit::record(&mut tx, actor, Entry::of(kind, contact_id).with(json!({ "consent": id }))).await?;
    tx.commit().await?;
    let NewTrackingConsent { given, wording, source, proof } = new;
    Ok(Some(TrackingConsent { id, given, wording, source, proof, at }))
}

/// The consents of a contact to be tracked by name and their withdrawals, the newest first.
#[boxed]
pub async fn list_tracking_consents(db: &Db, workspace_id: Uuid, contact_id: Uuid) -> Result<Vec<TrackingConsent>> {
    let rows = query(
        "select id, given, wording, source, proof, at from tracking_consents
         where workspace_id = $1 and contact_id = $2 order by at desc, id desc",
    );
    Ok(rows.bind(workspace_id).bind(contact_id).all(db).await?)
}

/// Those of contacts who agreed: pairs of a workspace and a contact.
pub(super) async fn who_agreed(tx: &mut Tx, contacts: &HashSet<(Uuid, Uuid)>) -> herald_db::Result<HashSet<Uuid>> {
    let rows: Vec<(Uuid, bool, DateTime<Utc>)> = Bulk::new(
        "select t.contact_id, t.given, t.at from {rows} join tracking_consents as t
           on t.workspace_id = rows.workspace_id and t.contact_id = rows.contact_id",
    )
    .column("workspace_id", contacts.iter().map(|(workspace, _)| *workspace).collect())
    .column("contact_id", contacts.iter().map(|(_, contact)| *contact).collect())
    .all(tx)
    .await?;
    let mut newest: HashMap<Uuid, (DateTime<Utc>, bool)> = HashMap::new();
    for (contact, given, at) in rows {
        let known = newest.entry(contact).or_insert((at, given));
        // Of two at one moment, the refusal holds.
        if at > known.0 || at == known.0 && !given {
            *known = (at, given);
        }
    }
    Ok(newest.into_iter().filter(|(_, (_, given))| *given).map(|(contact, _)| contact).collect())
}

/// The consents of a contact, for the person who asks what is known.
pub(crate) async fn consents_of_contact(
    tx: &mut Tx,
    workspace_id: Uuid,
    contact_id: Uuid,
) -> herald_db::Result<Vec<TrackingConsent>> {
    let rows = query(
        "select id, given, wording, source, proof, at from tracking_consents
         where workspace_id = $1 and contact_id = $2 order by at, id",
    );
    rows.bind(workspace_id).bind(contact_id).all(tx).await
}

/// Removes the consents of a contact who is erased.
pub(crate) async fn forget_consents(tx: &mut Tx, workspace_id: Uuid, contact_id: Uuid) -> herald_db::Result<()> {
    query("delete from tracking_consents where workspace_id = $1 and contact_id = $2")
        .bind(workspace_id)
        .bind(contact_id)
        .execute(tx)
        .await?;
    Ok(())
}
