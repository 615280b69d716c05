//! Suppressions: addresses that are not written to any more, of one channel each.
//!
//! A suppression outlives the contact. It holds a keyed hash of the address, from which nobody learns the address, and
//! which is found under the current key and older ones. A message asks for it in the transaction that claims its
//! recipients ([`suppressed`]). Only a person lifts a suppression, with a reason; no import does.

mod lift;
mod list;

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use herald_base::{address::Address, boxed, telemetry::catalog::SUPPRESSIONS};
use herald_contacts::{Channel, NewActivity, address_spelt, contact_with_address, record_activities};
use serde::Serialize;
use serde_json::json;
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) use self::{
    lift::set_lifted,
    list::{forget_person, of_contact},
};
pub use self::{
    lift::{UNDO_DAYS, lift_suppression, undo_unsubscription},
    list::{SuppressionFilter, find_suppression, list_suppressions},
};
use super::{MessagingError, Result};
use herald_db::{Bulk, Db, FromRow, Tx, query, query_texts};
use herald_ledger::audit::{self, Actor, Entry};

/// The label of the hashes.
const LABEL: &str = "suppressed address";
const LONGEST_NOTE: usize = 500;

herald_base::text_enum! {
    /// Why an address is not written to.
    pub enum SuppressionReason, "an address is not suppressed because of {:?}" {
        /// The person unsubscribed.
        Unsubscribed "unsubscribed",
        /// The address does not exist any more.
        HardBounce "hard_bounce",
        /// Mail to the address came back too often.
        SoftBounce "soft_bounce",
        /// The person complained about a message.
        Complaint "complaint",
        /// The person answered STOP.
        Stop "stop",
        /// Somebody of the workspace said so.
        ByHand "by_hand",
    }
}

impl SuppressionReason {
    /// Whether the person does not want to be written to. Such a reason replaces one that the person did not give.
    pub fn is_the_persons_will(self) -> bool {
        matches!(self, Self::Unsubscribed | Self::Complaint | Self::Stop)
    }
}

/// An address that is not written to.
#[derive(Clone, Debug, PartialEq, FromRow, Serialize, ToSchema)]
pub struct Suppression {
    /// Its id.
    pub id: Uuid,
    /// The channel.
    #[sqlx(try_from = "String")]
    pub channel: Channel,
    /// Why the address is not written to.
    #[sqlx(try_from = "String")]
    pub reason: SuppressionReason,
    /// What wrote it down: `message:` with an id, `user:` with an id, or a key.
    pub source: String,
    /// What a person said of it.
    pub note: Option<String>,
    /// The contact whose address it was, if the workspace knew one and has not erased it.
    pub contact_id: Option<Uuid>,
    /// The withdrawal of a consent that was written with it.
    #[serde(skip)]
    #[schema(ignore)]
    pub consent_id: Option<Uuid>,
    /// Since when.
    pub at: DateTime<Utc>,
    /// Since when the address may be written to again.
    pub lifted_at: Option<DateTime<Utc>>,
    /// Who lifted it.
    pub lifted_by: Option<String>,
    /// Why it was lifted.
    pub lifted_why: Option<String>,
}

/// An address that is not to be written to any more.
#[derive(Clone, Debug)]
pub struct NewSuppression {
    /// The channel.
    pub channel: Channel,
    /// The address, in any spelling.
    pub address: String,
    /// Why.
    pub reason: SuppressionReason,
    /// What writes it down, such as `message:` with an id.
    pub source: String,
    /// What a person says of it.
    pub note: Option<String>,
    /// The contact whose address it is.
    pub contact_id: Option<Uuid>,
    /// The withdrawal of a consent that is written with it.
    pub consent_id: Option<Uuid>,
}

/// The columns of a [`Suppression`], of the table `s`.
macro_rules! suppression_row {
    () => {
        "s.id, s.channel, s.reason, s.source, s.note, s.contact_id, s.consent_id, s.at, s.lifted_at, s.lifted_by, \
         s.lifted_why"
    };
}
use suppression_row;

#[derive(FromRow)]
struct Found {
    hash: String,
    #[sqlx(flatten)]
    row: Suppression,
}

/// The hashes of an address under each of the keys, the current one first.
///
/// # Errors
/// [`MessagingError::NoKey`]: without a key nobody may be written to.
pub(crate) fn hashes(db: &Db, workspace_id: Uuid, channel: Channel, address: &str) -> Result<Vec<String>> {
    let sealer = db.sealer().ok_or(MessagingError::NoKey)?;
    let spelt = spelt(channel, address);
    Ok(sealer.seals(LABEL, &[workspace_id.as_bytes(), channel.as_str().as_bytes(), spelt.as_bytes()]))
}

/// The spelling in which addresses are hashed. A text that cannot be an address has one as well.
fn spelt(channel: Channel, address: &str) -> String {
    let plain = || address.trim().nfc().flat_map(char::to_lowercase).collect();
    match channel {
        Channel::Email => Address::parse(address).map_or_else(|_| plain(), |address| address.key().to_owned()),
        Channel::Phone | Channel::Whatsapp => address_spelt(channel, address).unwrap_or_else(|_| plain()),
    }
}

/// Those of the addresses that are not to be written to, as they were given. One statement, whatever their number: the
/// transaction that claims a chunk of messages asks for all of its recipients at once.
///
/// # Errors
/// [`MessagingError::NoKey`], [`MessagingError::Db`].
#[boxed]
pub async fn suppressed(
    tx: &mut Tx,
    workspace_id: Uuid,
    channel: Channel,
    addresses: &[String],
) -> Result<BTreeMap<String, Suppression>> {
    let mut given: HashMap<String, Vec<&String>> = HashMap::new();
    for address in addresses {
        for hash in hashes(tx.db(), workspace_id, channel, address)? {
            given.entry(hash).or_default().push(address);
        }
    }
    if given.is_empty() {
        return Ok(BTreeMap::new());
    }
    let found: Vec<Found> = query_texts(
        tx.engine(),
        concat!(
            "select s.hash, ",
            suppression_row!(),
            " from {texts} cross join suppressions as s where s.workspace_id = $2 and s.channel = $3
               and s.hash = rows.value and s.lifted_at is null order by s.id"
        ),
        given.keys().cloned(),
    )
    .bind(workspace_id)
    .bind(channel.as_str())
    .all(tx)
    .await?;
    let mut all = BTreeMap::new();
    for Found { hash, row } in found {
        for address in given.get(&hash).into_iter().flatten() {
            all.entry((*address).clone()).or_insert_with(|| row.clone());
        }
    }
    Ok(all)
}

/// The suppression of one address.
///
/// # Errors
/// [`MessagingError::NoKey`], [`MessagingError::Db`].
#[boxed]
pub async fn suppression_of(
    tx: &mut Tx,
    workspace_id: Uuid,
    channel: Channel,
    address: &str,
) -> Result<Option<Suppression>> {
    let found = suppressed(tx, workspace_id, channel, &[address.to_owned()]).await?;
    Ok(found.into_values().next())
}

/// Writes down that addresses are not to be written to. One that is suppressed already stays as it is, except that the
/// person's own will replaces another reason. Returns how many are new or have another reason now.
///
/// # Errors
/// [`MessagingError::NoKey`], [`MessagingError::Db`].
#[boxed]
pub async fn add_suppressions(tx: &mut Tx, workspace_id: Uuid, new: Vec<NewSuppression>) -> Result<usize> {
    let mut changed = 0;
    for channel in Channel::ALL {
        let of_channel: Vec<&NewSuppression> = new.iter().filter(|one| one.channel == *channel).collect();
        let addresses: Vec<String> = of_channel.iter().map(|one| one.address.clone()).collect();
        let known = suppressed(&mut *tx, workspace_id, *channel, &addresses).await?;
        // Rows are locked in the order of their hashes, and each address is there once.
        let mut added: BTreeMap<String, &NewSuppression> = BTreeMap::new();
        let mut stricter: BTreeMap<Uuid, &NewSuppression> = BTreeMap::new();
        for one in of_channel {
            match known.get(&one.address) {
                None => {
                    let hash = hashes(tx.db(), workspace_id, *channel, &one.address)?.swap_remove(0);
                    let kept = added.entry(hash).or_insert(one);
                    if one.reason.is_the_persons_will() && !kept.reason.is_the_persons_will() {
                        *kept = one;
                    }
                }
                Some(row) if one.reason.is_the_persons_will() && !row.reason.is_the_persons_will() => {
                    stricter.insert(row.id, one);
                }
                Some(_) => {}
            }
        }
        changed += added.len() + stricter.len();
        for one in added.values().chain(stricter.values()) {
            SUPPRESSIONS.add([channel.as_str(), one.reason.as_str()], 1);
        }
        insert(tx, workspace_id, added).await?;
        for (id, one) in stricter {
            give_reason(tx, workspace_id, id, one).await?;
        }
    }
    Ok(changed)
}

async fn insert(tx: &mut Tx, workspace_id: Uuid, added: BTreeMap<String, &NewSuppression>) -> Result<()> {
    let now = tx.db().now();
    let ids: Vec<Uuid> = added.iter().map(|_| tx.db().new_id()).collect();
    let of = |text: fn(&NewSuppression) -> String| added.values().map(|one| text(one)).collect();
    Bulk::new(
        "insert into suppressions (id, workspace_id, channel, hash, reason, source, note, contact_id, consent_id, at)
         select id, workspace_id, channel, hash, reason, source, note, contact_id, consent_id, at from {rows}
         where true on conflict (workspace_id, channel, hash) where lifted_at is null do nothing",
    )
    .column("id", ids.into_iter().collect())
    .column("workspace_id", added.iter().map(|_| workspace_id).collect())
    .column("channel", of(|one| one.channel.as_str().to_owned()))
    .column("reason", of(|one| one.reason.as_str().to_owned()))
    .column("source", of(|one| one.source.clone()))
    .column("note", added.values().map(|one| one.note.clone()).collect())
    .column("contact_id", added.values().map(|one| one.contact_id).collect())
    .column("consent_id", added.values().map(|one| one.consent_id).collect())
    .column("at", added.iter().map(|_| now).collect())
    .column("hash", added.into_keys().collect())
    .execute(tx)
    .await?;
    Ok(())
}

async fn give_reason(tx: &mut Tx, workspace_id: Uuid, id: Uuid, one: &NewSuppression) -> Result<()> {
    let now = tx.db().now();
    query(
        "update suppressions set reason = $3, source = $4, consent_id = $5, at = $6,
           note = coalesce($7, note), contact_id = coalesce(contact_id, $8)
         where workspace_id = $1 and id = $2 and lifted_at is null",
    )
    .bind(workspace_id)
    .bind(id)
    .bind(one.reason.as_str())
    .bind(one.source.as_str())
    .bind(one.consent_id)
    .bind(now)
    .bind(one.note.clone())
    .bind(one.contact_id)
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes one address down, as [`add_suppressions`]. Returns its suppression, and whether it is new.
///
/// # Errors
/// [`MessagingError::NoKey`], [`MessagingError::Db`].
#[boxed]
pub async fn add_suppression(tx: &mut Tx, workspace_id: Uuid, new: NewSuppression) -> Result<(Suppression, bool)> {
    let (channel, address) = (new.channel, new.address.clone());
    let before = suppression_of(&mut *tx, workspace_id, channel, &address).await?.map(|row| row.id);
    add_suppressions(&mut *tx, workspace_id, vec![new]).await?;
    let now = suppression_of(&mut *tx, workspace_id, channel, &address).await?.ok_or(MessagingError::Changed)?;
    let is_new = before != Some(now.id);
    Ok((now, is_new))
}

/// Suppresses an address because somebody of the workspace says so. Also says whether it is new.
///
/// # Errors
/// [`MessagingError::Contact`] if it is not an address; [`MessagingError::Field`].
#[boxed]
pub async fn suppress_by_hand(
    db: &Db,
    actor: &Actor,
    (channel, address): (Channel, &str),
    note: Option<&str>,
) -> Result<(Suppression, bool)> {
    let spelt = address_spelt(channel, address)?;
    let note = note.map(|note| words("note", note)).transpose()?;
    let workspace_id = actor.workspace_id;
    let mut tx = db.begin().await?;
    let contact_id = contact_with_address(&mut tx, workspace_id, channel, &spelt).await?;
    let new = NewSuppression {
        channel,
        address: spelt,
        reason: SuppressionReason::ByHand,
        source: actor.who.clone(),
        note,
        contact_id,
        consent_id: None,
    };
    let (row, is_new) = add_suppression(&mut tx, workspace_id, new).await?;
    if is_new {
        let detail = json!({ "channel": channel.as_str() });
        let told = contact_id.map(|contact| {
            NewActivity::of(contact, "suppression.added", &actor.who).about(row.id).with(detail.clone())
        });
        record_activities(&mut tx, workspace_id, told.into_iter().collect()).await?;
        audit::record(&mut tx, actor, Entry::of("suppression.add", row.id).affecting(1).with(detail)).await?;
    }
    tx.commit().await?;
    Ok((row, is_new))
}

/// What a person says of a suppression: one to 500 characters.
fn words(field: &'static str, text: &str) -> Result<String> {
    let text = text.trim();
    let long = text.chars().count();
    if text.is_empty() || long > LONGEST_NOTE || text.contains('\0') {
        let detail = format!("the {field} has {long} characters: use 1 to {LONGEST_NOTE}");
        return Err(MessagingError::field(field, detail));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_one_spelling_however_it_is_written() {
        for (channel, one, other) in [
            (Channel::Email, " Ana@Example.COM ", "ana@example.com"),
            (Channel::Email, "ana@BÜCHER.example", "ana@xn--bcher-kva.example"),
            (Channel::Phone, "+34 600 000 001", "+34600000001"),
            (Channel::Whatsapp, "0034 600 000 001", "+34600000001"),
        ] {
            assert_eq!(spelt(channel, one), spelt(channel, other), "{one}");
        }
        assert_eq!(spelt(Channel::Email, " Nobody "), "nobody");
    }

    #[test]
    fn only_a_persons_own_will_replaces_another_reason() {
        let own: Vec<&str> = SuppressionReason::ALL
            .iter()
            .filter(|reason| reason.is_the_persons_will())
            .map(|reason| reason.as_str())
            .collect();
        assert_eq!(own, ["unsubscribed", "complaint", "stop"]);
    }
}
