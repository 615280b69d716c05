//! What a receipt makes of a message. No SQL.

use chrono::{DateTime, Utc};
use herald_contacts::NewActivity;
use serde_json::json;

use super::{BounceClass, Follows, Held, MessageState, Seen, Told};
use crate::{NewSuppression, SuppressionReason};

/// The longest sentence that is kept, in characters.
const LONGEST: usize = 500;

impl Held {
    /// Takes in what is said of the message. False: it says nothing new.
    pub(super) fn take(&mut self, what: Told, at: DateTime<Utc>, follows: &mut Follows) -> bool {
        match what {
            Told::Sent => self.is_open() && self.to(MessageState::Sent, at),
            Told::Delivered => self.arrived(at, follows),
            Told::Read => {
                let is_first = self.opened_at.is_none() && self.state != MessageState::Suppressed;
                if is_first {
                    self.opened_at = Some(at);
                }
                self.arrived(at, follows) || is_first
            }
            Told::Failed { cause, reason } => {
                let fails = self.state == MessageState::Sent || self.is_open() && self.state != MessageState::Pending;
                fails && self.failed(cause, reason, at)
            }
            Told::Bounced { class, status, reason } => self.bounced(class, status.as_deref(), &reason, at, follows),
            Told::Complained => self.complained(at, follows),
        }
    }

    /// Whether nobody has heard yet what became of it: it may be one that a person wants sent again, or given up.
    fn is_open(&self) -> bool {
        let is_given_up = self.state == MessageState::Failed && self.cause.as_deref() == Some("lost");
        // What waits and never was handed over cannot have arrived; what a person has sent again can.
        let was_tried = self.state == MessageState::Pending && self.sent_at.is_some();
        matches!(self.state, MessageState::Claimed | MessageState::Unknown) || is_given_up || was_tried
    }

    fn to(&mut self, state: MessageState, at: DateTime<Utc>) -> bool {
        (self.state, self.cause, self.reason) = (state, None, None);
        self.sent_at = self.sent_at.or(Some(at));
        true
    }

    fn failed(&mut self, cause: String, reason: String, at: DateTime<Utc>) -> bool {
        self.to(MessageState::Failed, at);
        (self.cause, self.reason) = (Some(cause), Some(cut(&reason)));
        true
    }

    fn arrived(&mut self, at: DateTime<Utc>, follows: &mut Follows) -> bool {
        if self.state == MessageState::Sent || self.is_open() {
            self.delivered_at = self.delivered_at.or(Some(at));
            follows.arrived.extend(self.seen(at));
            return self.to(MessageState::Delivered, at);
        }
        let is_first = self.state == MessageState::Delivered && self.delivered_at.is_none();
        if is_first {
            self.delivered_at = Some(at);
            follows.arrived.extend(self.seen(at));
        }
        is_first
    }

    fn bounced(
        &mut self,
        class: BounceClass,
        status: Option<&str>,
        reason: &str,
        at: DateTime<Utc>,
        follows: &mut Follows,
    ) -> bool {
        if !self.is_news(class, at) {
            return false;
        }
        let cause = class.cause(status);
        let sentence = match status {
            Some(status) if !reason.contains(status) => format!("the message came back ({status}): {reason}"),
            _ => format!("the message came back: {reason}"),
        };
        self.failed(cause.to_owned(), sentence, at);
        self.bounced_at = Some(at);
        match class {
            BounceClass::Hard => follows.suppressions.extend(self.suppression(SuppressionReason::HardBounce)),
            BounceClass::Soft => follows.soft.extend(self.seen(at)),
            BounceClass::Policy => {}
        }
        let detail = json!({ "channel": self.channel.as_str(), "class": class.as_str(), "status": status });
        follows.activities.extend(self.activity("message.bounced", detail));
        true
    }

    /// Whether a bounce tells what is not known yet.
    fn is_news(&self, class: BounceClass, at: DateTime<Utc>) -> bool {
        let is_hard = class == BounceClass::Hard;
        match (self.state, self.bounced_at) {
            (MessageState::Suppressed, _) => false,
            // It is tried again, unless the address does not exist.
            (MessageState::Pending, known) => is_hard && self.is_open() && known.is_none_or(|known| known < at),
            // Once it came back, only a worse answer counts.
            (MessageState::Failed, Some(_)) => is_hard && self.cause.as_deref() != Some("no_such_address"),
            // It was tried again since: an answer to an earlier try is no answer to the newest.
            (_, known) => known.is_none_or(|known| known < at),
        }
    }

    fn complained(&mut self, at: DateTime<Utc>, follows: &mut Follows) -> bool {
        if self.complained_at.is_some() {
            return false;
        }
        self.complained_at = Some(at);
        self.arrived(at, follows);
        follows.suppressions.extend(self.suppression(SuppressionReason::Complaint));
        follows.activities.extend(self.activity("message.complained", json!({ "channel": self.channel.as_str() })));
        true
    }

    /// None of an erased person: their address is not known any more.
    fn seen(&self, at: DateTime<Utc>) -> Option<Seen> {
        (!self.address.is_empty()).then(|| Seen {
            channel: self.channel,
            address: self.address.clone(),
            message_id: self.id,
            contact_id: self.contact_id,
            at,
        })
    }

    fn suppression(&self, reason: SuppressionReason) -> Option<NewSuppression> {
        (!self.address.is_empty()).then(|| NewSuppression {
            channel: self.channel,
            address: self.address.clone(),
            reason,
            source: format!("message:{}", self.id),
            note: None,
            contact_id: self.contact_id,
            consent_id: None,
        })
    }

    fn activity(&self, kind: &'static str, detail: serde_json::Value) -> Option<NewActivity> {
        let contact = self.contact_id?;
        Some(NewActivity { who: None, ..NewActivity::of(contact, kind, "") }.about(self.id).with(detail))
    }
}

impl BounceClass {
    /// The word for it on the message. What does not exist is not tried again when a person retries what failed.
    fn cause(self, status: Option<&str>) -> &'static str {
        match self {
            Self::Hard => "no_such_address",
            Self::Policy => "policy",
            Self::Soft if status.is_some_and(|status| status.ends_with(".2.2")) => "mailbox_full",
            Self::Soft => "bounced",
        }
    }
}

fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

#[cfg(test)]
mod tests;
