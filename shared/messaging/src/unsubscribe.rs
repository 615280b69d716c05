//! Links with which the recipient of a message takes the consent back, or says what is wanted.
//!
//! The token of a link names the message and is signed, so nobody can make one up. A link does not expire. Opening it
//! changes nothing, because mail programs and scanners open every link. A message may have been forwarded, so the
//! reader sees a masked address at most, and an owner can undo an unsubscription ([`super::undo_unsubscription`]).

mod preferences;

use chrono::{DateTime, Utc};
use herald_base::{boxed, links::LinkSigner};
use herald_contacts::{Channel, NewActivity, NewConsent, record_activities, write_consent};
use serde_json::json;
use uuid::Uuid;

pub use self::preferences::{Preference, preferences_of, set_preferences};
use super::{
    Result,
    suppression::{NewSuppression, SuppressionReason, add_suppression, suppression_of},
};
use herald_db::{Db, FromRow, Tx, query};

const PURPOSE: &str = "unsubscribe";

/// Returns the token of a message's links: 43 characters.
pub fn unsubscribe_token(links: &LinkSigner, message_id: Uuid) -> String {
    links.token_for(PURPOSE, message_id)
}

/// Returns the address at which the recipient of a message unsubscribes. It has at most 80 characters if the public
/// address of Herald has at most 34.
pub fn unsubscribe_url(links: &LinkSigner, message_id: Uuid) -> String {
    links.page(&format!("/u/{}", unsubscribe_token(links, message_id)))
}

/// Returns the address at which the recipient of a message says what is wanted.
pub fn preferences_url(links: &LinkSigner, message_id: Uuid) -> String {
    links.page(&format!("/u/{}/preferences", unsubscribe_token(links, message_id)))
}

/// Returns the message that a token names, if Herald signed it.
pub fn open_unsubscribe_token(links: &LinkSigner, token: &str) -> Option<Uuid> {
    links.open_token_for(PURPOSE, token)
}

/// To whom a message went.
#[derive(Clone, PartialEq, Eq, FromRow)]
pub struct Recipient {
    /// The message.
    #[sqlx(rename = "id")]
    pub message_id: Uuid,
    /// The workspace that wrote it.
    pub workspace_id: Uuid,
    /// The name of that workspace.
    pub workspace: String,
    /// The contact, if the workspace still has it.
    pub contact_id: Option<Uuid>,
    /// The channel.
    #[sqlx(try_from = "String")]
    pub channel: Channel,
    /// The address.
    pub address: String,
    /// The language of the message.
    pub language: Option<String>,
    /// The language of the contact, as a BCP 47 tag.
    pub locale: Option<String>,
}

impl std::fmt::Debug for Recipient {
    /// Omits the person, because this text gets into logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recipient").field("message_id", &self.message_id).finish_non_exhaustive()
    }
}

impl Recipient {
    /// The address as a stranger may see it: its first letter and its domain, or the last digits.
    pub fn masked(&self) -> String {
        masked(&self.address)
    }
}

fn masked(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((user, domain)) => format!("{}…@{domain}", user.chars().next().map(String::from).unwrap_or_default()),
        None => {
            let end: Vec<char> = address.chars().rev().take(3).collect();
            format!("…{}", end.into_iter().rev().collect::<String>())
        }
    }
}

/// The recipient of a message. `None`: there is no such message any more, or it was only a test.
#[boxed]
pub async fn recipient_of(db: &Db, message_id: Uuid) -> Result<Option<Recipient>> {
    let found = query(
        "select m.id, m.workspace_id, w.name as workspace, c.id as contact_id, m.channel, m.address, m.language,
           c.locale from messages as m join workspaces as w on w.id = m.workspace_id
         left join contacts as c on c.workspace_id = m.workspace_id and c.id = m.contact_id
         where m.id = $1 and m.address <> ''",
    );
    Ok(found.bind(message_id).optional(db).await?)
}

herald_base::text_enum! {
    /// How a person unsubscribed.
    pub enum Through, "nobody unsubscribes through {:?}" {
        /// By the button of the mail program (RFC 8058).
        OneClick "one_click",
        /// On the page of the link.
        Page "page",
        /// On the page of preferences.
        Preferences "preferences",
    }
}

/// Takes the consent of a recipient back for the channel of the message, and suppresses the address. False: it was so
/// already.
///
/// # Errors
/// [`super::MessagingError::NoKey`], [`super::MessagingError::Db`].
#[boxed]
pub async fn unsubscribe(db: &Db, recipient: &Recipient, through: Through) -> Result<bool> {
    let mut tx = db.begin().await?;
    note_on_message(&mut tx, recipient).await?;
    let address = (recipient.channel, recipient.address.as_str());
    let is_new = no_more(&mut tx, recipient, address, through).await?;
    tx.commit().await?;
    Ok(is_new)
}

/// Notes on the message when its recipient first unsubscribed. Of two requests at once, the second waits here.
async fn note_on_message(tx: &mut Tx, recipient: &Recipient) -> Result<()> {
    let now = tx.db().now();
    query(
        "update messages set unsubscribed_at = coalesce(unsubscribed_at, $3), updated_at = $3
         where workspace_id = $1 and id = $2",
    )
    .bind(recipient.workspace_id)
    .bind(recipient.message_id)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// Suppresses an address of the recipient, and writes down what that means for the contact.
async fn no_more(
    tx: &mut Tx,
    recipient: &Recipient,
    (channel, address): (Channel, &str),
    through: Through,
) -> Result<bool> {
    let workspace_id = recipient.workspace_id;
    let known = suppression_of(&mut *tx, workspace_id, channel, address).await?;
    if known.is_some_and(|row| row.reason.is_the_persons_will()) {
        return Ok(false);
    }
    let source = format!("message:{}", recipient.message_id);
    let consent_id = match recipient.contact_id {
        Some(contact) => {
            let withdrawal = NewConsent {
                channel,
                given: false,
                wording: "Unsubscribed through the link of a message.".to_owned(),
                source: format!("unsubscribe link ({through})"),
                proof: Some(source.clone()),
            };
            write_consent(&mut *tx, workspace_id, contact, &withdrawal).await?
        }
        None => None,
    };
    let new = NewSuppression {
        channel,
        address: address.to_owned(),
        reason: SuppressionReason::Unsubscribed,
        source,
        note: None,
        contact_id: recipient.contact_id,
        consent_id,
    };
    add_suppression(&mut *tx, workspace_id, new).await?;
    tell(tx, recipient, "unsubscribed", channel, Some(through)).await?;
    Ok(true)
}

async fn tell(
    tx: &mut Tx,
    recipient: &Recipient,
    kind: &'static str,
    channel: Channel,
    through: Option<Through>,
) -> Result<()> {
    let Some(contact) = recipient.contact_id else { return Ok(()) };
    let mut detail = json!({ "channel": channel.as_str() });
    if let Some(through) = through {
        detail["through"] = through.as_str().into();
    }
    let told = NewActivity { who: None, ..NewActivity::of(contact, kind, "") };
    record_activities(tx, recipient.workspace_id, vec![told.about(recipient.message_id).with(detail)]).await?;
    Ok(())
}

/// Since when the address of a recipient is not written to.
///
/// # Errors
/// [`super::MessagingError::NoKey`], [`super::MessagingError::Db`].
#[boxed]
pub async fn unsubscribed_since(db: &Db, recipient: &Recipient) -> Result<Option<DateTime<Utc>>> {
    let mut tx = db.begin().await?;
    let known = suppression_of(&mut tx, recipient.workspace_id, recipient.channel, &recipient.address).await?;
    Ok(known.map(|row| row.at))
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;

    #[test]
    fn a_link_is_short_and_opens_its_message_alone() {
        let links = LinkSigner::new("https://invites.example.com", [7; 32], Duration::days(365));
        let id = Uuid::from_u128(42);
        let url = unsubscribe_url(&links, id);
        assert!(url.len() <= 80 && url.starts_with("https://invites.example.com/u/"), "{url}");
        assert_eq!(open_unsubscribe_token(&links, &unsubscribe_token(&links, id)), Some(id));
        assert_eq!(open_unsubscribe_token(&links, "x"), None);
        assert!(preferences_url(&links, id).ends_with("/preferences"));
    }

    #[test]
    fn a_stranger_sees_no_more_than_a_letter_and_the_domain() {
        assert_eq!(masked("ana.example@example.com"), "a…@example.com");
        assert_eq!(masked("ünal@example.com"), "ü…@example.com");
        assert_eq!(masked("+34600000001"), "…001");
        assert_eq!(masked(""), "…");
    }
}
