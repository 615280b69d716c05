//! What the recipient of a message wants to get: each channel on which the workspace can reach the person, on or off.
//!
//! Every channel can be switched off. Only the channel of the message itself can be switched on again: its reader has
//! proved to get what goes to that address, and nothing about the others.

use std::collections::BTreeMap;

use herald_base::boxed;
use herald_contacts::{Channel, NewConsent, find_contact, list_addresses, write_consent};

use super::{Recipient, Result, Through, no_more, note_on_message, tell};
use crate::suppression::{set_lifted, suppression_of};
use herald_db::{Db, Tx};

/// A channel on which the workspace can reach the recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preference {
    /// The channel.
    pub channel: Channel,
    /// The address as a stranger may see it.
    pub masked: String,
    /// Whether the person is written to there.
    pub wanted: bool,
    /// Whether it can be switched on here.
    pub can_be_wanted: bool,
}

/// What is wanted now, channel by channel.
///
/// # Errors
/// [`crate::MessagingError::NoKey`], [`crate::MessagingError::Db`].
#[boxed]
pub async fn preferences_of(db: &Db, recipient: &Recipient) -> Result<Vec<Preference>> {
    let mut all = Vec::new();
    let addresses = addresses_of(db, recipient).await?;
    let mut tx = db.begin().await?;
    for (channel, address) in addresses {
        let known = suppression_of(&mut tx, recipient.workspace_id, channel, &address).await?;
        let is_own = channel == recipient.channel;
        all.push(Preference {
            channel,
            masked: super::masked(&address),
            wanted: known.is_none(),
            can_be_wanted: is_own && known.is_none_or(|row| row.reason.is_the_persons_will()),
        });
    }
    Ok(all)
}

/// Sets what is wanted. Channels that are not named stay as they are. `agreed`: the words of the page beside the
/// switch, which the person agrees to by switching a channel on. True if something changed.
///
/// # Errors
/// [`crate::MessagingError::NoKey`], [`crate::MessagingError::Db`].
#[boxed]
pub async fn set_preferences(
    db: &Db,
    recipient: &Recipient,
    wanted: BTreeMap<Channel, bool>,
    agreed: &str,
) -> Result<bool> {
    let addresses = addresses_of(db, recipient).await?;
    let mut tx = db.begin().await?;
    let mut changed = false;
    for (channel, address) in &addresses {
        changed |= match wanted.get(channel) {
            Some(false) => {
                if channel == &recipient.channel {
                    note_on_message(&mut tx, recipient).await?;
                }
                no_more(&mut tx, recipient, (*channel, address), Through::Preferences).await?
            }
            Some(true) if channel == &recipient.channel => again(&mut tx, recipient, agreed).await?,
            Some(true) | None => false,
        };
    }
    tx.commit().await?;
    Ok(changed)
}

/// The recipient wants messages again: the suppression that was the person's own will is lifted.
async fn again(tx: &mut Tx, recipient: &Recipient, agreed: &str) -> Result<bool> {
    let Recipient { workspace_id, channel, address, message_id, .. } = recipient;
    let known = suppression_of(&mut *tx, *workspace_id, *channel, address).await?;
    let Some(row) = known.filter(|row| row.reason.is_the_persons_will()) else { return Ok(false) };
    let source = format!("message:{message_id}");
    set_lifted(&mut *tx, *workspace_id, row.id, (&source, "the recipient wants messages again")).await?;
    if let Some(contact) = recipient.contact_id {
        let consent = NewConsent {
            channel: *channel,
            given: true,
            wording: agreed.to_owned(),
            source: "preference page".to_owned(),
            proof: Some(source),
        };
        write_consent(&mut *tx, *workspace_id, contact, &consent).await?;
    }
    tell(tx, recipient, "subscribed_again", *channel, None).await?;
    Ok(true)
}

/// The address of the message, and the primary addresses of the contact's other channels.
async fn addresses_of(db: &Db, recipient: &Recipient) -> Result<BTreeMap<Channel, String>> {
    let mut all = BTreeMap::new();
    if let Some(id) = recipient.contact_id
        && let Some(contact) = find_contact(db, recipient.workspace_id, id).await?
    {
        let own = list_addresses(db, recipient.workspace_id, &contact).await?;
        all.extend(own.into_iter().filter(|one| one.primary).map(|one| (one.kind, one.value)));
    }
    all.insert(recipient.channel, recipient.address.clone());
    Ok(all)
}
