//! What the outside says of a message after it has taken it: that it arrived, was read, came back, or annoyed.
//!
//! ```text
//!             sent              delivered, read, complained
//!  unknown ─────────▶ sent ──────────────────────────────────▶ delivered
//!     │                │ failed, bounced                           │ bounced
//!     └────────────────┴──────────────▶ failed ◀───────────────────┘
//! ```
//!
//! Providers tell things twice, late and in any order. So a receipt only ever moves a message forward: what was
//! delivered is not merely sent again, and fails only because it came back. A receipt that says nothing new changes
//! nothing. The message, the counts of its campaign, the suppression of its address and the contact's timeline are
//! written by one transaction.

mod moves;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use herald_base::boxed;
use herald_contacts::{Channel, NewActivity, record_activities};
use uuid::Uuid;

use super::{
    MessageState,
    soft::{self, Seen, SoftLimit},
};
use crate::{NewSuppression, Result, add_suppressions, campaign::count};
use herald_db::{Bulk, EngineKind, FromRow, Tx};

herald_base::text_enum! {
    /// What kind of bounce it is.
    pub enum BounceClass, "a bounce is not {:?}" {
        /// The address does not exist. It is suppressed.
        Hard "hard",
        /// The message cannot be taken for now, as by a mailbox that is full. It is counted.
        Soft "soft",
        /// The sender or the content is not wanted. It is not the address's fault.
        Policy "policy",
    }
}

/// Which message a receipt is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReceiptOf {
    /// The one with this id.
    Message(Uuid),
    /// The one that the provider gave this id.
    Provider {
        /// The channel.
        channel: Channel,
        /// The provider's id.
        id: String,
    },
}

/// What is said of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The other side has it.
    Sent,
    /// It has arrived.
    Delivered,
    /// The recipient has opened it. So it has arrived.
    Read,
    /// It was refused for good.
    Failed {
        /// Why, in a word.
        cause: String,
        /// Why, in a sentence.
        reason: String,
    },
    /// It came back.
    Bounced {
        /// What kind of bounce it is.
        class: BounceClass,
        /// The enhanced status code, such as 5.1.1.
        status: Option<String>,
        /// What the other side says, in a sentence.
        reason: String,
    },
    /// The recipient complained about it. So it has arrived.
    Complained,
}

/// What the outside says of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The message.
    pub message: ReceiptOf,
    /// What is said of it.
    pub what: Told,
    /// When that happened, as the outside tells. Two receipts with the same time about the same bounce are one.
    pub at: DateTime<Utc>,
}

/// What a receipt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// The message has changed.
    New,
    /// It says nothing new.
    Known,
    /// The workspace has no such message, or the provider's id is not written down yet: it may be tried again later.
    NoMessage,
}

/// A message as it is now, and what receipts make of it.
#[derive(Clone, FromRow)]
struct Held {
    id: Uuid,
    campaign_id: Uuid,
    contact_id: Option<Uuid>,
    #[sqlx(try_from = "String")]
    channel: Channel,
    address: String,
    #[sqlx(try_from = "String")]
    state: MessageState,
    cause: Option<String>,
    reason: Option<String>,
    sent_at: Option<DateTime<Utc>>,
    delivered_at: Option<DateTime<Utc>>,
    opened_at: Option<DateTime<Utc>>,
    bounced_at: Option<DateTime<Utc>>,
    complained_at: Option<DateTime<Utc>>,
}

/// What follows from receipts for addresses and contacts.
#[derive(Default)]
struct Follows {
    suppressions: Vec<NewSuppression>,
    soft: Vec<Seen>,
    arrived: Vec<Seen>,
    activities: Vec<NewActivity>,
}

/// Writes down what the outside says of messages of a workspace. Returns what each receipt came to, in their order.
///
/// # Errors
/// When the database refuses; [`crate::MessagingError::NoKey`]. Then nothing may be committed.
#[boxed]
pub async fn receive(
    tx: &mut Tx,
    workspace_id: Uuid,
    receipts: Vec<Receipt>,
    limit: SoftLimit,
) -> Result<Vec<Received>> {
    let ids = ids_of(&mut *tx, workspace_id, &receipts).await?;
    let found: BTreeSet<Uuid> = ids.iter().flatten().copied().collect();
    let mut held = locked(&mut *tx, workspace_id, found).await?;
    let before: HashMap<Uuid, MessageState> = held.iter().map(|(id, one)| (*id, one.state)).collect();
    let now = tx.db().now();
    let mut follows = Follows::default();
    let mut changed = BTreeSet::new();
    let mut all = Vec::with_capacity(receipts.len());
    for (receipt, id) in receipts.into_iter().zip(ids) {
        let Some(message) = id.and_then(|id| held.get_mut(&id)) else {
            all.push(Received::NoMessage);
            continue;
        };
        let is_new = message.take(receipt.what, receipt.at.min(now), &mut follows);
        if is_new {
            changed.insert(message.id);
        }
        all.push(if is_new { Received::New } else { Received::Known });
    }
    let rows: Vec<&Held> = changed.iter().filter_map(|id| held.get(id)).collect();
    write(&mut *tx, workspace_id, &rows, now).await?;
    let mut moves: BTreeMap<Uuid, BTreeMap<MessageState, i64>> = BTreeMap::new();
    for row in rows {
        let of_campaign = moves.entry(row.campaign_id).or_default();
        *of_campaign.entry(*before.get(&row.id).unwrap_or(&row.state)).or_default() -= 1;
        *of_campaign.entry(row.state).or_default() += 1;
    }
    for (campaign_id, changes) in moves {
        count(&mut *tx, workspace_id, campaign_id, &changes).await?;
    }
    let Follows { mut suppressions, soft, arrived, activities } = follows;
    soft::reset(&mut *tx, workspace_id, &arrived).await?;
    suppressions.extend(soft::count(&mut *tx, workspace_id, &soft, limit).await?);
    add_suppressions(&mut *tx, workspace_id, suppressions).await?;
    record_activities(&mut *tx, workspace_id, activities).await?;
    Ok(all)
}

/// The ids of the messages, as far as the workspace has them.
async fn ids_of(tx: &mut Tx, workspace_id: Uuid, receipts: &[Receipt]) -> Result<Vec<Option<Uuid>>> {
    let named: BTreeSet<(&str, &str)> = receipts
        .iter()
        .filter_map(|receipt| match &receipt.message {
            ReceiptOf::Message(_) => None,
            ReceiptOf::Provider { channel, id } => Some((channel.as_str(), id.as_str())),
        })
        .collect();
    let rows: Vec<(Uuid, String, String)> = Bulk::new(
        "select m.id, m.channel, m.provider_id from {rows} join messages as m
           on m.workspace_id = rows.workspace_id and m.channel = rows.channel and m.provider_id = rows.provider_id
         order by m.id",
    )
    .column("workspace_id", named.iter().map(|_| workspace_id).collect())
    .column("channel", named.iter().map(|(channel, _)| (*channel).to_owned()).collect())
    .column("provider_id", named.iter().map(|(_, id)| (*id).to_owned()).collect())
    .all(tx)
    .await?;
    let by_provider: HashMap<(String, String), Uuid> =
        rows.into_iter().map(|(id, channel, provider)| ((channel, provider), id)).collect();
    let of = |receipt: &Receipt| match &receipt.message {
        ReceiptOf::Message(id) => Some(*id),
        ReceiptOf::Provider { channel, id } => by_provider.get(&(channel.as_str().to_owned(), id.clone())).copied(),
    };
    Ok(receipts.iter().map(of).collect())
}

/// Messages that nobody else changes until the transaction ends. They are locked in the order of their ids.
async fn locked(tx: &mut Tx, workspace_id: Uuid, ids: BTreeSet<Uuid>) -> Result<HashMap<Uuid, Held>> {
    let lock = if tx.engine() == EngineKind::Postgres { " order by m.id for update of m" } else { "" };
    let rows: Vec<Held> = Bulk::new(format!(
        "select m.id, m.campaign_id, m.contact_id, m.channel, m.address, m.state, m.cause, m.reason, m.sent_at,
           m.delivered_at, m.opened_at, m.bounced_at, m.complained_at
         from messages as m join {{rows}} on m.id = rows.id where m.workspace_id = rows.workspace_id{lock}"
    ))
    .column("id", ids.iter().copied().collect())
    .column("workspace_id", ids.iter().map(|_| workspace_id).collect())
    .all(tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

async fn write(tx: &mut Tx, workspace_id: Uuid, rows: &[&Held], now: DateTime<Utc>) -> Result<()> {
    Ok(Bulk::new(
        "update messages set state = rows.state, cause = rows.cause, reason = rows.reason, due_at = null,
           sent_at = rows.sent_at, delivered_at = rows.delivered_at, opened_at = rows.opened_at,
           bounced_at = rows.bounced_at, complained_at = rows.complained_at, updated_at = rows.now
         from {rows} where messages.workspace_id = rows.workspace_id and messages.id = rows.id",
    )
    .column("id", rows.iter().map(|row| row.id).collect())
    .column("workspace_id", rows.iter().map(|_| workspace_id).collect())
    .column("state", rows.iter().map(|row| row.state.as_str().to_owned()).collect())
    .column("cause", rows.iter().map(|row| row.cause.clone()).collect())
    .column("reason", rows.iter().map(|row| row.reason.clone()).collect())
    .column("sent_at", rows.iter().map(|row| row.sent_at).collect())
    .column("delivered_at", rows.iter().map(|row| row.delivered_at).collect())
    .column("opened_at", rows.iter().map(|row| row.opened_at).collect())
    .column("bounced_at", rows.iter().map(|row| row.bounced_at).collect())
    .column("complained_at", rows.iter().map(|row| row.complained_at).collect())
    .column("now", rows.iter().map(|_| now).collect())
    .execute(tx)
    .await?)
}
