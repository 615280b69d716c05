//! What suppressions and senders mean for a message.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use herald_contacts::Channel;

use crate::{Purpose, Sender, Suppression, SuppressionReason};

impl Suppression {
    /// Whether it holds for messages of this purpose: who only unsubscribed still gets what they take part in.
    pub(super) fn holds_for(&self, purpose: Purpose) -> bool {
        purpose == Purpose::Marketing || self.reason != SuppressionReason::Unsubscribed
    }

    /// Why nobody is written to there, in a sentence.
    pub(super) fn sentence(&self) -> String {
        let why = match self.reason {
            SuppressionReason::Unsubscribed => "the address was unsubscribed",
            SuppressionReason::HardBounce if self.channel != Channel::Email => "nobody can be written to at the number",
            SuppressionReason::HardBounce => "mail to the address came back: it does not exist",
            SuppressionReason::SoftBounce => "mail to the address came back too often",
            SuppressionReason::Complaint => "the recipient complained about an earlier message",
            SuppressionReason::Stop => "the recipient answered STOP",
            SuppressionReason::ByHand => "the address was taken off by hand",
        };
        format!("{why}, on {}", self.at.format("%Y-%m-%d"))
    }
}

impl Sender {
    /// The most messages a second.
    pub fn rate(&self) -> Option<f64> {
        self.rate_per_second.filter(|rate| *rate > 0).map(|rate| rate as f64)
    }

    /// The first moment from `now` on that is not quiet for a recipient in this zone, or in that of the campaign if
    /// theirs is not known.
    pub(crate) fn open_from(&self, zone: Option<&str>, campaigns: &str, now: DateTime<Utc>) -> DateTime<Utc> {
        let Some(quiet) = &self.quiet else { return now };
        let zone: Tz = zone.and_then(|zone| zone.parse().ok()).or_else(|| campaigns.parse().ok()).unwrap_or(Tz::UTC);
        quiet.0.over_at(now, zone)
    }
}
