//! What a campaign may do besides its content: when, in which hours, with whose consent, and when it stops by itself.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use herald_ledger::OpenHours;
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

use super::{
    days::{Day, open_on},
    missing::{self, MissingValue},
    subjects::SubjectTest,
};
use crate::{MessagingError, Result, Tracking, WhatsappContent};

herald_base::text_enum! {
    /// What a campaign is for.
    pub enum Purpose, "a campaign is not for {:?}" {
        /// It advertises. Every message has a link that ends it, and nobody who took their consent back gets one.
        Marketing "marketing",
        /// It tells of something that the recipient takes part in, such as a change of an event they come to.
        Transactional "transactional",
    }
}

herald_base::text_enum! {
    /// Whose consent is needed.
    pub enum ConsentPolicy, "there is no rule {:?} for consents" {
        /// Whoever agreed to the channel.
        Given "given",
        /// Whoever has not taken a consent back, asked or not.
        NotWithdrawn "not_withdrawn",
    }
}

herald_base::text_enum! {
    /// What happens if several contacts have one address.
    pub enum SharedAddress, "there is no rule {:?} for shared addresses" {
        /// One of them gets a message.
        Once "once",
        /// Each of them gets their own.
        Each "each",
    }
}

/// The part of a day in which messages go out, on all days or on some.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendingHours {
    /// From this time of the day.
    #[schema(example = "09:00", pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    pub from: String,
    /// Until this time of the day. Before `from`: over midnight.
    #[schema(example = "20:00", pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    pub to: String,
    /// By the recipient's clock where their time zone is known; else by the campaign's.
    #[serde(default)]
    pub by_recipient: bool,
    /// The days of the week on which hours begin; every day if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 7)]
    pub days: Vec<Day>,
}

/// What a campaign may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CampaignSettings {
    /// What it is for.
    pub purpose: Purpose,
    /// Whose consent is needed.
    pub consent: ConsentPolicy,
    /// What happens if several contacts have one address.
    pub shared_address: SharedAddress,
    /// The time zone of the campaign, as an IANA name.
    #[schema(example = "Europe/Madrid", max_length = 64)]
    pub time_zone: String,
    /// The hours in which messages go out; at any time if there are none.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub hours: Option<SendingHours>,
    /// Messages that could not go out by then are not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// The share of failed messages, in percent, at which the campaign pauses and asks a person.
    #[schema(minimum = 1, maximum = 100)]
    pub pause_at_percent: u8,
    /// What a campaign over WhatsApp says.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub whatsapp: Option<WhatsappContent>,
    /// What happens to contacts without a value that the template needs, by its variable. Contacts who lack one that is
    /// not named here get no message.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub missing: BTreeMap<String, MissingValue>,
    /// Subjects that are tried on a part of the audience; the rest gets the one that wins.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub ab: Option<SubjectTest>,
    /// What is kept of what recipients do with the messages.
    pub tracking: Tracking,
    /// Whether everybody who has the link may read what the campaign says, without what is one recipient's.
    pub archive: bool,
}

impl Default for CampaignSettings {
    fn default() -> Self {
        Self {
            purpose: Purpose::Marketing,
            consent: ConsentPolicy::NotWithdrawn,
            shared_address: SharedAddress::Once,
            time_zone: "UTC".to_owned(),
            hours: None,
            expires_at: None,
            pause_at_percent: 20,
            whatsapp: None,
            missing: BTreeMap::new(),
            ab: None,
            tracking: Tracking::Aggregate,
            archive: false,
        }
    }
}

/// Reads what is written as an object, or nothing.
fn object<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> std::result::Result<Option<T>, D::Error> {
    let Some(object) = Option::<serde_json::Map<String, serde_json::Value>>::deserialize(from)? else {
        return Ok(None);
    };
    serde_json::from_value(serde_json::Value::Object(object)).map(Some).map_err(serde::de::Error::custom)
}

impl CampaignSettings {
    /// Whether the settings can be kept.
    ///
    /// # Errors
    /// [`MessagingError::Field`].
    pub(crate) fn check(&self) -> Result<()> {
        let Ok(zone) = self.time_zone.parse::<Tz>() else {
            let detail = format!("{:?} is not a time zone: write an IANA name such as Europe/Madrid", self.time_zone);
            return Err(MessagingError::field("settings", detail));
        };
        if let Some(content) = &self.whatsapp {
            content.check()?;
        }
        if let Some(hours) = &self.hours {
            OpenHours::new(zone.name(), &hours.from, &hours.to)
                .map_err(|error| MessagingError::field("settings", error.to_string()))?;
        }
        if !(1..=100).contains(&self.pause_at_percent) {
            return Err(MessagingError::field("settings", "pause_at_percent is a share: write 1 to 100"));
        }
        if let Some(ab) = &self.ab {
            ab.check()?;
        }
        missing::check(&self.missing)
    }

    /// The first moment from `now` on at which a message may go out to somebody in this zone.
    pub fn open_from(&self, zone: Option<&str>, now: DateTime<Utc>) -> DateTime<Utc> {
        let Some(hours) = &self.hours else { return now };
        let of_recipient = zone.filter(|zone| hours.by_recipient && zone.parse::<Tz>().is_ok());
        let zone = of_recipient.unwrap_or(&self.time_zone);
        OpenHours::new(zone, &hours.from, &hours.to).map_or(now, |open| open_on(&hours.days, open, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(by_recipient: bool) -> CampaignSettings {
        let hours = SendingHours { from: "09:00".to_owned(), to: "18:00".to_owned(), by_recipient, days: Vec::new() };
        let time_zone = "Europe/Madrid".to_owned();
        CampaignSettings { time_zone, hours: Some(hours), ..CampaignSettings::default() }
    }

    #[test]
    fn a_message_waits_for_the_hours_of_its_recipient_or_of_the_campaign() {
        let now: DateTime<Utc> = "2026-07-01T10:00:00Z".parse().unwrap();
        let open = |settings: &CampaignSettings, zone| settings.open_from(zone, now).to_rfc3339();
        assert_eq!(open(&hours(false), Some("Asia/Tokyo")), "2026-07-01T10:00:00+00:00");
        assert_eq!(open(&hours(true), Some("Asia/Tokyo")), "2026-07-02T00:00:00+00:00");
        // A zone that nobody knows is the campaign's, so nobody is left out for it.
        assert_eq!(open(&hours(true), Some("Mars/Base")), "2026-07-01T10:00:00+00:00");
        assert_eq!(open(&hours(true), None), "2026-07-01T10:00:00+00:00");
        assert_eq!(open(&CampaignSettings::default(), None), "2026-07-01T10:00:00+00:00");
    }

    #[test]
    fn settings_that_cannot_be_kept_are_named() {
        let said = |settings: CampaignSettings| settings.check().unwrap_err().to_string();
        let mut wrong = hours(true);
        wrong.time_zone = "Mars".to_owned();
        assert!(said(wrong).contains("IANA"));
        let mut wrong = hours(true);
        wrong.hours.as_mut().unwrap().to = "6 pm".to_owned();
        assert!(said(wrong).contains("6 pm"));
        assert!(said(CampaignSettings { pause_at_percent: 0, ..CampaignSettings::default() }).contains("1 to 100"));
    }
}
