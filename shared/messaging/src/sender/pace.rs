//! How much a sender sends, and when.

use chrono::{DateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use herald_ledger::OpenHours;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{MessagingError, Result, Sender};

/// Hours of every day in which nothing is sent, by the recipient's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    /// Quiet from this time of the day. A time after `to` means over midnight.
    #[serde(with = "clock")]
    #[schema(value_type = String, example = "21:00")]
    pub from: NaiveTime,
    /// Quiet until this time of the day.
    #[serde(with = "clock")]
    #[schema(value_type = String, example = "08:00")]
    pub to: NaiveTime,
}

/// A time of day as `HH:MM`.
mod clock {
    use chrono::NaiveTime;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(time: &NaiveTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&time.format("%H:%M").to_string())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveTime, D::Error> {
        let text = String::deserialize(deserializer)?;
        NaiveTime::parse_from_str(&text, "%H:%M").map_err(|_| {
            D::Error::custom(format!("{text:?} is not a time of day: write hours and minutes, such as 21:00"))
        })
    }
}

impl Quiet {
    /// # Errors
    /// [`MessagingError::Field`] if the hours are none.
    pub(super) fn check(self) -> Result<()> {
        if self.from == self.to {
            return Err(MessagingError::field("quiet", "the quiet hours end when they begin: leave them out"));
        }
        Ok(())
    }

    /// The first moment from `now` on that is not quiet in a time zone: `now` itself if it is not.
    pub fn over_at(self, now: DateTime<Utc>, time_zone: Tz) -> DateTime<Utc> {
        OpenHours { time_zone, from: self.to, to: self.from }.open_from(now)
    }
}

impl Sender {
    /// The most messages that it sends on the day of `now` (UTC); `None`: as many as there are. Before the first
    /// message it is the first day.
    pub fn cap_on(&self, now: DateTime<Utc>) -> Option<i64> {
        let began = self.warm_up_from.unwrap_or(now);
        let day = usize::try_from((now.date_naive() - began.date_naive()).num_days()).unwrap_or_default();
        let of_day = self.warm_up.0.get(day).copied();
        match (of_day, self.daily_cap) {
            (Some(warm), Some(cap)) => Some(warm.min(cap)),
            (one, other) => one.or(other),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use herald_contacts::Channel;
    use herald_db::Json;
    use uuid::Uuid;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    pub(crate) fn sender(warm_up: &[i64], daily_cap: Option<i64>, from: Option<&str>) -> Sender {
        Sender {
            id: Uuid::nil(),
            name: "News".to_owned(),
            channel: Channel::Email,
            connection_id: None,
            relays: Vec::new(),
            from_name: "Example".to_owned(),
            from_address: "news@example.com".to_owned(),
            reply_to: None,
            postal_address: "1 Example Street".to_owned(),
            footer: String::new(),
            rate_per_second: None,
            daily_cap,
            warm_up: Json(warm_up.to_vec()),
            warm_up_from: from.map(at),
            quiet: None,
            bounce_domain: None,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_first_days_have_caps_of_their_own_and_never_more_than_the_cap_of_every_day() {
        let first = Some("2026-03-01T22:00:00Z");
        for (warm_up, cap, from, now, expected) in [
            (&[50, 100][..], Some(70), None, "2026-03-01T23:00:00Z", Some(50)),
            (&[50, 100], Some(70), first, "2026-03-01T23:00:00Z", Some(50)),
            (&[50, 100], Some(70), first, "2026-03-02T00:00:00Z", Some(70)),
            (&[50, 100], None, first, "2026-03-02T00:00:00Z", Some(100)),
            (&[50, 100], None, first, "2026-03-03T00:00:00Z", None),
            (&[], Some(9), first, "2026-03-03T00:00:00Z", Some(9)),
            (&[], None, None, "2026-03-03T00:00:00Z", None),
        ] {
            assert_eq!(sender(warm_up, cap, from).cap_on(at(now)), expected, "{warm_up:?} {now}");
        }
    }

    #[test]
    fn quiet_hours_go_over_midnight_by_the_recipients_clock() {
        let quiet: Quiet = serde_json::from_str(r#"{"from": "21:00", "to": "08:00"}"#).unwrap();
        let zone = chrono_tz::Europe::Madrid;
        for (now, over) in [
            ("2026-03-01T19:59:00Z", "2026-03-01T19:59:00Z"),
            ("2026-03-01T20:00:00Z", "2026-03-02T07:00:00Z"),
            ("2026-03-02T06:59:00Z", "2026-03-02T07:00:00Z"),
            ("2026-03-02T07:00:00Z", "2026-03-02T07:00:00Z"),
        ] {
            assert_eq!(quiet.over_at(at(now), zone), at(over), "{now}");
        }
        assert_eq!(serde_json::json!(quiet), serde_json::json!({ "from": "21:00", "to": "08:00" }));
        assert!(serde_json::from_str::<Quiet>(r#"{"from": "9 pm", "to": "08:00"}"#).is_err());
        assert!(Quiet { from: quiet.from, to: quiet.from }.check().is_err());
    }
}
