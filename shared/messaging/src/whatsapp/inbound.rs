//! What people write to the workspace's numbers. It is kept, and stands in the timeline of the contact.
//!
//! Somebody whom the workspace does not know becomes a contact by writing, except by a word that says that they want
//! nothing: then only the number is suppressed.

use chrono::{DateTime, TimeDelta, Utc};
use herald_base::boxed;
use herald_contacts::{
    Channel, NewActivity, NewConsent, Profile, address_spelt, contact_with_address, record_activities, take_contact,
    write_consent,
};
use herald_providers::whatsapp::Inbound;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::words::{Wish, wish};
use crate::{
    NewSuppression, Result, SuppressionReason, add_suppression,
    suppression::{set_lifted, suppression_of},
};
use herald_db::{Db, FromRow, Tx, query};
use herald_ledger::audit::Actor;

/// The longest text that is kept, in characters.
const LONGEST: usize = 4_096;
/// How much of a text stands in the timeline, in characters.
const IN_TIMELINE: usize = 280;
/// The longest name of a contact, in characters.
const LONGEST_NAME: usize = 100;
/// How long free text may be sent after a person wrote.
const WINDOW: TimeDelta = TimeDelta::hours(24);
/// What is noted as the source of contacts and consents.
const SOURCE: &str = "whatsapp";
/// What is noted as the source of what somebody said in the app.
const PREFERENCE: &str = "whatsapp:preference";

/// A message that somebody wrote.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct InboundMessage {
    /// Its id.
    pub id: Uuid,
    /// The account that got it.
    pub connection_id: Uuid,
    /// Whose it is.
    pub contact_id: Option<Uuid>,
    /// What kind of message it is, such as `text`, `button` or `image`.
    pub kind: String,
    /// What it says.
    #[sqlx(rename = "body")]
    pub text: String,
    /// The number of files with it.
    pub files: i64,
    /// When it came.
    pub received_at: DateTime<Utc>,
}

/// Takes in what somebody wrote. False: it came before.
///
/// # Errors
/// When the database refuses, or another request makes the same contact at this moment: it may be tried again.
#[boxed]
pub async fn take_inbound(db: &Db, workspace_id: Uuid, connection_id: Uuid, message: Inbound) -> Result<bool> {
    let mut tx = db.begin().await?;
    let from = message.from.as_deref().and_then(|from| address_spelt(Channel::Whatsapp, from).ok());
    let (id, now) = (db.new_id(), db.now());
    let text: String = message.text.chars().filter(|c| *c != '\0').take(LONGEST).collect();
    let made = query(
        "insert into inbound_messages (id, workspace_id, connection_id, provider_id, from_address, from_user, from_name,
           kind, body, files, received_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict (workspace_id, connection_id, provider_id) do nothing",
    )
    .bind(id)
    .bind(workspace_id)
    .bind(connection_id)
    .bind(message.provider_id.as_str())
    .bind(from.clone())
    .bind(message.user_id.clone())
    .bind(message.name.as_deref().map(named))
    .bind(message.kind.as_str())
    .bind(text.as_str())
    .bind(i64::try_from(message.files).unwrap_or(i64::MAX))
    .bind(now)
    .execute(&mut tx)
    .await?;
    if made == 0 {
        return Ok(false);
    }
    let wish = wish(&text);
    let contact = match &from {
        Some(from) => who_wrote(&mut tx, workspace_id, from, message.name.as_deref(), wish).await?,
        None => None,
    };
    if let Some(contact) = contact {
        query("update inbound_messages set contact_id = $3 where workspace_id = $1 and id = $2")
            .bind(workspace_id)
            .bind(id)
            .bind(contact)
            .execute(&mut tx)
            .await?;
        let shown: String = text.chars().take(IN_TIMELINE).collect();
        let detail = json!({ "channel": Channel::Whatsapp.as_str(), "kind": message.kind, "text": shown });
        let told = NewActivity { who: None, ..NewActivity::of(contact, "message.received", "") };
        record_activities(&mut tx, workspace_id, vec![told.about(id).with(detail)]).await?;
    }
    match (&from, wish) {
        (Some(from), Some(Wish::Stop)) => stop(&mut tx, workspace_id, (from, contact), id).await?,
        (Some(from), Some(Wish::Start)) => start(&mut tx, workspace_id, (from, contact), id).await?,
        _ => {}
    }
    tx.commit().await?;
    Ok(true)
}

/// A name as a contact may have one.
fn named(name: &str) -> String {
    let tidy: String = name.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
    tidy.trim().to_owned()
}

/// The contact who wrote. Somebody unknown is made one, unless they want nothing.
async fn who_wrote(
    tx: &mut Tx,
    workspace_id: Uuid,
    from: &str,
    name: Option<&str>,
    wish: Option<Wish>,
) -> Result<Option<Uuid>> {
    for kind in [Channel::Whatsapp, Channel::Phone] {
        if let Some(known) = contact_with_address(&mut *tx, workspace_id, kind, from).await? {
            return Ok(Some(known));
        }
    }
    if wish == Some(Wish::Stop) {
        return Ok(None);
    }
    let name = name.map(named).filter(|name| !name.is_empty()).unwrap_or_else(|| from.to_owned());
    let profile = Profile { name: Some(name), phone: Some(from.to_owned()), ..Profile::default() };
    let actor = Actor { workspace_id, who: SOURCE.to_owned(), request_id: None, origin: None };
    let (contact, _) = take_contact(tx, &actor, profile, SOURCE).await?;
    Ok(Some(contact.id))
}

/// Takes in what somebody said in the app about advertising. False: it says nothing new.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn take_preference(db: &Db, workspace_id: Uuid, from: &str, wants: bool) -> Result<bool> {
    let Ok(from) = address_spelt(Channel::Whatsapp, from) else { return Ok(false) };
    let mut tx = db.begin().await?;
    let known = suppression_of(&mut tx, workspace_id, Channel::Whatsapp, &from).await?;
    let is_new = match (wants, known) {
        (false, None) => {
            let mut contact = None;
            for kind in [Channel::Whatsapp, Channel::Phone] {
                contact = contact.or(contact_with_address(&mut tx, workspace_id, kind, &from).await?);
            }
            let new = NewSuppression {
                channel: Channel::Whatsapp,
                address: from,
                reason: SuppressionReason::Unsubscribed,
                source: PREFERENCE.to_owned(),
                note: None,
                contact_id: contact,
                consent_id: None,
            };
            add_suppression(&mut tx, workspace_id, new).await?;
            true
        }
        // Only what was said in the same place is taken back there.
        (true, Some(row)) if row.source == PREFERENCE => {
            set_lifted(&mut tx, workspace_id, row.id, (PREFERENCE, "the person wants advertising again")).await?;
            true
        }
        _ => false,
    };
    tx.commit().await?;
    Ok(is_new)
}

/// Suppresses the number of somebody who wants no more, and takes the consent back.
async fn stop(tx: &mut Tx, workspace_id: Uuid, (from, contact): (&str, Option<Uuid>), id: Uuid) -> Result<()> {
    let source = format!("inbound:{id}");
    let consent_id = match contact {
        Some(contact) => {
            let withdrawal = consent(false, "Answered STOP.", &source);
            write_consent(&mut *tx, workspace_id, contact, &withdrawal).await?
        }
        None => None,
    };
    let new = NewSuppression {
        channel: Channel::Whatsapp,
        address: from.to_owned(),
        reason: SuppressionReason::Stop,
        source,
        note: None,
        contact_id: contact,
        consent_id,
    };
    add_suppression(&mut *tx, workspace_id, new).await?;
    note_on_last(tx, workspace_id, from).await
}

/// Lets a number be written to again whose person had answered STOP.
async fn start(tx: &mut Tx, workspace_id: Uuid, (from, contact): (&str, Option<Uuid>), id: Uuid) -> Result<()> {
    let known = suppression_of(&mut *tx, workspace_id, Channel::Whatsapp, from).await?;
    let Some(row) = known.filter(|row| row.reason == SuppressionReason::Stop) else { return Ok(()) };
    let source = format!("inbound:{id}");
    set_lifted(&mut *tx, workspace_id, row.id, (&source, "the person answered START")).await?;
    if let Some(contact) = contact {
        write_consent(tx, workspace_id, contact, &consent(true, "Answered START.", &source)).await?;
    }
    Ok(())
}

fn consent(given: bool, wording: &str, source: &str) -> NewConsent {
    NewConsent {
        channel: Channel::Whatsapp,
        given,
        wording: wording.to_owned(),
        source: SOURCE.to_owned(),
        proof: Some(source.to_owned()),
    }
}

/// Notes on the last message to a number that its person then wanted no more.
async fn note_on_last(tx: &mut Tx, workspace_id: Uuid, from: &str) -> Result<()> {
    let now = tx.db().now();
    query(
        "update messages set unsubscribed_at = coalesce(unsubscribed_at, $4), updated_at = $4
         where workspace_id = $1 and id = (select m.id from messages as m
           where m.workspace_id = $1 and m.channel = $2 and m.address = $3 and m.sent_at is not null
           order by m.sent_at desc, m.id desc limit 1)",
    )
    .bind(workspace_id)
    .bind(Channel::Whatsapp.as_str())
    .bind(from)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// Until when free text may be sent to a number. `None`: only templates.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn whatsapp_window(
    db: &Db,
    workspace_id: Uuid,
    connection_id: Uuid,
    number: &str,
) -> Result<Option<DateTime<Utc>>> {
    let now = db.now();
    let (last,): (Option<DateTime<Utc>>,) = query(
        "select max(received_at) from inbound_messages
         where workspace_id = $1 and from_address = $2 and connection_id = $3 and received_at > $4",
    )
    .bind(workspace_id)
    .bind(number)
    .bind(connection_id)
    .bind(now - WINDOW)
    .one(db)
    .await?;
    Ok(last.map(|last| last + WINDOW))
}

/// What a contact wrote, the newest first, at most `limit`.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn list_inbound(db: &Db, workspace_id: Uuid, contact_id: Uuid, limit: usize) -> Result<Vec<InboundMessage>> {
    Ok(query(
        "select id, connection_id, contact_id, kind, body, files, received_at from inbound_messages
         where workspace_id = $1 and contact_id = $2 order by received_at desc, id desc limit $3",
    )
    .bind(workspace_id)
    .bind(contact_id)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .all(db)
    .await?)
}

/// What a contact wrote, for whom it is about.
pub(crate) async fn inbound_of(
    tx: &mut Tx,
    workspace_id: Uuid,
    contact_id: Uuid,
) -> herald_db::Result<Vec<InboundMessage>> {
    query(
        "select id, connection_id, contact_id, kind, body, files, received_at from inbound_messages
         where workspace_id = $1 and contact_id = $2 order by received_at, id",
    )
    .bind(workspace_id)
    .bind(contact_id)
    .all(tx)
    .await
}

/// Forgets what a contact wrote.
pub(crate) async fn forget_inbound(tx: &mut Tx, workspace_id: Uuid, contact_id: Uuid) -> herald_db::Result<()> {
    query("delete from inbound_messages where workspace_id = $1 and contact_id = $2")
        .bind(workspace_id)
        .bind(contact_id)
        .execute(tx)
        .await?;
    Ok(())
}
