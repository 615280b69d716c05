//! What the outside tells of mails: kept as it came, and written on the message in the same transaction.
//!
//! An event is told again until somebody has heard it, so each has a key, and the second time nothing happens. It is
//! taken only if it names one of our messages: by the signed envelope sender first, then by the `Message-ID`. What only
//! names an address is not believed: anybody could write such a mail, and have an address suppressed by it.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use herald_base::{boxed, links::LinkSigner};
use herald_bounces::Class;
use herald_providers::mail_events::{MailEvent, MailTold};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{BounceClass, Receipt, ReceiptOf, Result, SoftLimit, Told, receive, verp};
use herald_db::{Bulk, Db, FromRow, Tx, query};

/// The part of an event that is kept, in bytes.
const LONGEST: usize = 16 * 1024;
/// The longest answer that is kept, in characters.
const LONGEST_SAID: usize = 500;
/// How long events are kept.
const KEPT: TimeDelta = TimeDelta::days(180);
/// The events that one transaction takes.
const AT_ONCE: usize = 1_000;

herald_base::text_enum! {
    /// What told it.
    pub enum MailEventSource, "nothing is told by {:?}" {
        /// A mail, such as a bounce.
        Mail "mail",
        /// A webhook in Herald's own form.
        Generic "generic",
        /// Mailgun.
        Mailgun "mailgun",
        /// Postmark.
        Postmark "postmark",
        /// SendGrid.
        SendGrid "sendgrid",
        /// Amazon SES.
        Ses "ses",
    }
}

herald_base::text_enum! {
    /// What is told of a mail.
    pub enum MailEventKind, "nothing of the kind {:?} is told of a mail" {
        /// It came back: there is no such address.
        Hard "hard",
        /// It came back: the address may take another one later.
        Soft "soft",
        /// It came back because of the sender or of what it says.
        Policy "policy",
        /// The recipient complained.
        Complaint "complaint",
        /// It has not arrived yet.
        Delayed "delayed",
        /// It has arrived.
        Delivered "delivered",
        /// The mail service did not try.
        Dropped "dropped",
    }
}

/// What was told of a message.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct StoredMailEvent {
    /// Its id.
    pub id: Uuid,
    /// The message.
    pub message_id: Uuid,
    /// What told it.
    #[sqlx(try_from = "String")]
    pub source: MailEventSource,
    /// What it tells.
    #[sqlx(try_from = "String")]
    pub kind: MailEventKind,
    /// The enhanced status code, such as 5.1.1.
    pub status: Option<String>,
    /// What the other side said.
    pub said: String,
    /// As it came: the first 16 KiB of the mail, or JSON. Empty once it was forgotten.
    pub raw: String,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// When Herald heard of it.
    pub received_at: DateTime<Utc>,
}

/// What became of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TakenEvents {
    /// They are new.
    pub new: usize,
    /// They were told before.
    pub known: usize,
    /// They are about none of our messages.
    pub foreign: usize,
}

/// An event of a message.
struct Event {
    id: Uuid,
    message_id: Uuid,
    key: String,
    kind: MailEventKind,
    status: Option<String>,
    said: String,
    raw: String,
    at: DateTime<Utc>,
}

/// Takes what a mail service tells. What is about none of our messages is left.
///
/// # Errors
/// [`crate::MessagingError::NoKey`], [`crate::MessagingError::Db`]. What was not taken then can be told again.
#[boxed]
pub async fn take_mail_events(
    db: &Db,
    links: &LinkSigner,
    source: MailEventSource,
    told: Vec<MailEvent>,
    limit: SoftLimit,
) -> Result<TakenEvents> {
    let now = db.now();
    let mut taken = TakenEvents::default();
    let mut events = Vec::with_capacity(told.len());
    for one in told {
        let Some(message_id) = one.named.iter().find_map(|name| message_named(links, name)) else {
            taken.foreign += 1;
            continue;
        };
        let kind = match one.what {
            MailTold::Delivered => MailEventKind::Delivered,
            MailTold::Dropped => MailEventKind::Dropped,
            MailTold::Complained => MailEventKind::Complaint,
            MailTold::Bounced(class) => kind_of(class).unwrap_or(MailEventKind::Soft),
        };
        events.push(Event {
            id: db.new_id(),
            message_id,
            key: format!("{source}:{}", one.key),
            kind,
            status: one.status,
            said: said(&one.said),
            raw: beginning(&one.raw),
            at: one.at.unwrap_or(now).min(now),
        });
    }
    take(db, source, events, limit, taken).await
}

/// Takes a mail that came to the domain of bounces, or to the address of complaints. `envelope`: to whom the mail
/// server passed it on. A mail that tells nothing of our messages is left.
///
/// # Errors
/// [`crate::MessagingError::NoKey`], [`crate::MessagingError::Db`]. Then the mail can be handed over again.
#[boxed]
pub async fn take_mail(
    db: &Db,
    links: &LinkSigner,
    raw: &[u8],
    envelope: &[String],
    limit: SoftLimit,
) -> Result<TakenEvents> {
    let report = herald_bounces::read(raw);
    let told = report.told.iter().find_map(|one| Some((one, kind_of(one.class)?)));
    let mut names = envelope.iter().chain(&report.sent_to).chain(&report.message_ids);
    let (Some((told, kind)), Some(message_id)) = (told, names.find_map(|name| message_named(links, name))) else {
        return Ok(TakenEvents { foreign: 1, ..TakenEvents::default() });
    };
    let event = Event {
        id: db.new_id(),
        message_id,
        key: format!("mail:{}", hex::encode(Sha256::digest(raw))),
        kind,
        status: told.status.as_deref().map(said),
        said: said(&told.said),
        raw: beginning(&String::from_utf8_lossy(raw.get(..LONGEST).unwrap_or(raw))),
        at: db.now(),
    };
    take(db, MailEventSource::Mail, vec![event], limit, TakenEvents::default()).await
}

/// The kind of what is written down; `None` for what is not.
fn kind_of(class: Class) -> Option<MailEventKind> {
    Some(match class {
        Class::Hard => MailEventKind::Hard,
        Class::Soft => MailEventKind::Soft,
        Class::Policy => MailEventKind::Policy,
        Class::Complaint => MailEventKind::Complaint,
        Class::Delayed => MailEventKind::Delayed,
        Class::Delivered => MailEventKind::Delivered,
        Class::AutoReply | Class::None => return None,
    })
}

/// The message that an envelope sender or a `Message-ID` names.
fn message_named(links: &LinkSigner, name: &str) -> Option<Uuid> {
    let of_id = || {
        let name = name.trim().trim_matches(['<', '>']);
        let id = name.split_once('@').map_or(name, |(id, _)| id);
        Uuid::parse_str(id).ok()
    };
    verp::open(links, name).or_else(of_id)
}

/// The beginning of a text, 16 KiB at most.
fn beginning(text: &str) -> String {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().replace('\0', "")
}

fn said(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST_SAID).collect()
}

async fn take(
    db: &Db,
    source: MailEventSource,
    events: Vec<Event>,
    limit: SoftLimit,
    mut taken: TakenEvents,
) -> Result<TakenEvents> {
    let mut left = events;
    while !left.is_empty() {
        let rest = left.split_off(left.len().min(AT_ONCE));
        let mut tx = db.begin().await?;
        let places = workspaces_of(&mut tx, &left).await?;
        let mut by_workspace: BTreeMap<Uuid, Vec<Event>> = BTreeMap::new();
        for event in std::mem::replace(&mut left, rest) {
            match places.get(&event.message_id) {
                Some(workspace) => by_workspace.entry(*workspace).or_default().push(event),
                None => taken.foreign += 1,
            }
        }
        for (workspace_id, events) in by_workspace {
            let all = events.len();
            let new = keep(&mut tx, workspace_id, source, events, limit).await?;
            taken.new += new;
            taken.known += all - new;
        }
        tx.commit().await?;
    }
    Ok(taken)
}

async fn workspaces_of(tx: &mut Tx, events: &[Event]) -> Result<HashMap<Uuid, Uuid>> {
    let ids: HashSet<Uuid> = events.iter().map(|event| event.message_id).collect();
    let rows: Vec<(Uuid, Uuid)> =
        Bulk::new("select m.id, m.workspace_id from {rows} join messages as m on m.id = rows.id")
            .column("id", ids.into_iter().collect())
            .all(tx)
            .await?;
    Ok(rows.into_iter().collect())
}

/// Writes events down, and what they mean for their messages. Returns how many are new.
async fn keep(
    tx: &mut Tx,
    workspace_id: Uuid,
    source: MailEventSource,
    mut events: Vec<Event>,
    limit: SoftLimit,
) -> Result<usize> {
    let now = tx.db().now();
    events.sort_by(|one, other| one.key.cmp(&other.key));
    events.dedup_by(|one, other| one.key == other.key);
    let new: Vec<(String,)> = Bulk::new(
        "insert into mail_events (id, workspace_id, message_id, source, key, kind, status, said, raw, at, received_at)
         select id, workspace_id, message_id, source, key, kind, status, said, raw, at, received_at from {rows}
         where true on conflict (workspace_id, key) do nothing returning key",
    )
    .column("id", events.iter().map(|event| event.id).collect())
    .column("workspace_id", events.iter().map(|_| workspace_id).collect())
    .column("message_id", events.iter().map(|event| event.message_id).collect())
    .column("source", events.iter().map(|_| source.as_str().to_owned()).collect())
    .column("key", events.iter().map(|event| event.key.clone()).collect())
    .column("kind", events.iter().map(|event| event.kind.as_str().to_owned()).collect())
    .column("status", events.iter().map(|event| event.status.clone()).collect())
    .column("said", events.iter().map(|event| event.said.clone()).collect())
    .column("raw", events.iter().map(|event| event.raw.clone()).collect())
    .column("at", events.iter().map(|event| event.at).collect())
    .column("received_at", events.iter().map(|_| now).collect())
    .all(&mut *tx)
    .await?;
    let new: HashSet<String> = new.into_iter().map(|(key,)| key).collect();
    let mut receipts: Vec<Receipt> =
        events.into_iter().filter(|event| new.contains(&event.key)).filter_map(Event::receipt).collect();
    receipts.sort_by_key(|receipt| receipt.at);
    receive(tx, workspace_id, receipts, limit).await?;
    Ok(new.len())
}

impl Event {
    /// What it means for its message; nothing as long as the message is on its way.
    fn receipt(self) -> Option<Receipt> {
        let bounced = |class| Told::Bounced { class, status: self.status.clone(), reason: reason(&self.said) };
        let what = match self.kind {
            MailEventKind::Hard => bounced(BounceClass::Hard),
            MailEventKind::Soft => bounced(BounceClass::Soft),
            MailEventKind::Policy => bounced(BounceClass::Policy),
            MailEventKind::Complaint => Told::Complained,
            MailEventKind::Delivered => Told::Delivered,
            MailEventKind::Dropped => Told::Failed {
                cause: "dropped".to_owned(),
                reason: format!(
                    "the mail service did not try, because the address is on its own list: {}",
                    reason(&self.said)
                ),
            },
            MailEventKind::Delayed => return None,
        };
        Some(Receipt { message: ReceiptOf::Message(self.message_id), what, at: self.at })
    }
}

fn reason(said: &str) -> String {
    if said.is_empty() { "the mail server gave no reason".to_owned() } else { said.to_owned() }
}

/// What was told of a message, the newest first, at most 100.
#[boxed]
pub async fn list_mail_events(db: &Db, workspace_id: Uuid, message_id: Uuid) -> Result<Vec<StoredMailEvent>> {
    let found = query(
        "select id, message_id, source, kind, status, said, raw, at, received_at from mail_events
         where workspace_id = $1 and message_id = $2 order by id desc limit 100",
    );
    Ok(found.bind(workspace_id).bind(message_id).all(db).await?)
}

/// Takes an erased person out of the events: what is left is that something was told of a message, and what kind.
pub(crate) async fn forget_told(tx: &mut Tx, workspace_id: Uuid, contact_id: Uuid) -> herald_db::Result<()> {
    query(
        "update mail_events set raw = '', said = '' where workspace_id = $1 and message_id in
           (select m.id from messages as m where m.workspace_id = $1 and m.contact_id = $2)",
    )
    .bind(workspace_id)
    .bind(contact_id)
    .execute(tx)
    .await?;
    Ok(())
}

/// What was told of the messages to a contact, for the contact.
pub(crate) async fn told_of_contact(
    tx: &mut Tx,
    workspace_id: Uuid,
    contact_id: Uuid,
) -> herald_db::Result<Vec<StoredMailEvent>> {
    query(
        "select e.id, e.message_id, e.source, e.kind, e.status, e.said, e.raw, e.at, e.received_at
         from messages as m join mail_events as e on e.workspace_id = m.workspace_id and e.message_id = m.id
         where m.workspace_id = $1 and m.contact_id = $2 order by e.id",
    )
    .bind(workspace_id)
    .bind(contact_id)
    .all(tx)
    .await
}

/// Forgets events that are older than 180 days. Returns how many there were, at most 1,000.
#[boxed]
pub async fn forget_old_mail_events(db: &Db) -> herald_db::Result<u64> {
    let mut tx = db.begin().await?;
    let before = tx.db().now() - KEPT;
    let gone =
        query("delete from mail_events where id in (select id from mail_events where received_at < $1 limit 1000)")
            .bind(before)
            .execute(&mut tx)
            .await?;
    tx.commit().await?;
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_named_by_its_envelope_sender_or_its_message_id_alone() {
        let links = LinkSigner::new("https://invites.example.com", [7; 32], TimeDelta::days(365));
        let id = Uuid::from_u128(42);
        for name in [verp::address(&links, id, "bounce.example.com"), format!("<{id}@example.com>"), id.to_string()] {
            assert_eq!(message_named(&links, &name), Some(id), "{name}");
        }
        for name in ["ana@example.com", "", "<>", "b+aaaa@bounce.example.com"] {
            assert_eq!(message_named(&links, name), None, "{name}");
        }
    }

    #[test]
    fn a_text_is_cut_between_letters() {
        let text = "é".repeat(LONGEST);
        let kept = beginning(&text);
        assert!(kept.len() <= LONGEST && text.starts_with(&kept) && kept.len() > LONGEST - 2);
        assert_eq!(beginning("a\0b"), "ab");
    }
}
