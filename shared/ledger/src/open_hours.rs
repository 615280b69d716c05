//! Open hours: the part of a recipient's day in which they may be written to. Outside of it a job waits.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Hours of every day in a time zone. `from` after `to` means over midnight; `from` equal to `to` means always.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenHours {
    /// The recipient's time zone, by its IANA name.
    pub time_zone: Tz,
    /// Open from this time of the day, by the recipient's clock.
    pub from: NaiveTime,
    /// Closed from this time of the day.
    pub to: NaiveTime,
}

/// Why a text does not describe open hours.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OpenHoursError {
    /// The zone is not in the IANA database.
    #[error("{0:?} is not a time zone: use a name such as Europe/Madrid")]
    Zone(String),
    /// A time is not a time of day.
    #[error("{0:?} is not a time of day: write hours and minutes, such as 09:00")]
    Time(String),
}

impl OpenHours {
    /// Reads a zone's name and two times of day.
    pub fn new(time_zone: &str, from: &str, to: &str) -> Result<Self, OpenHoursError> {
        let zone = time_zone.parse().map_err(|_| OpenHoursError::Zone(time_zone.to_owned()))?;
        let time =
            |text: &str| NaiveTime::parse_from_str(text, "%H:%M").map_err(|_| OpenHoursError::Time(text.to_owned()));
        Ok(Self { time_zone: zone, from: time(from)?, to: time(to)? })
    }

    /// The first moment from `now` on that is open: `now` itself if it is.
    pub fn open_from(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let local = now.with_timezone(&self.time_zone);
        if self.is_open_at(local.time()) {
            return now;
        }
        let today = local.date_naive();
        let tomorrow = today.checked_add_days(Days::new(1)).unwrap_or(today);
        [today, tomorrow]
            .into_iter()
            .filter_map(|day| self.opens_on(day))
            .find(|opens| *opens > now)
            // A zone can leave out a whole day (Samoa did). The job then looks again in an hour.
            .unwrap_or(now + TimeDelta::hours(1))
    }

    fn is_open_at(&self, time: NaiveTime) -> bool {
        if self.from < self.to {
            (self.from..self.to).contains(&time)
        } else {
            self.from == self.to || time >= self.from || time < self.to
        }
    }

    /// When the hours of a day begin. A time that the clocks leave out in spring begins where they go on; of one that
    /// comes twice in autumn the first counts.
    fn opens_on(&self, day: NaiveDate) -> Option<DateTime<Utc>> {
        let at = day.and_time(self.from);
        (0..=8)
            .find_map(|quarter| self.time_zone.from_local_datetime(&(at + TimeDelta::minutes(15 * quarter))).earliest())
            .map(|opens| opens.with_timezone(&Utc))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn outside_the_hours_the_next_opening_is_given_in_the_recipients_zone() {
        let hours = OpenHours::new("Asia/Ho_Chi_Minh", "09:00", "20:00").unwrap();
        for (now, open) in [
            ("2026-03-01T01:59:59Z", "2026-03-01T02:00:00Z"),
            ("2026-03-01T02:00:00Z", "2026-03-01T02:00:00Z"),
            ("2026-03-01T12:59:59Z", "2026-03-01T12:59:59Z"),
            ("2026-03-01T13:00:00Z", "2026-03-02T02:00:00Z"),
            ("2026-03-01T20:00:00Z", "2026-03-02T02:00:00Z"),
        ] {
            assert_eq!(hours.open_from(utc(now)), utc(open), "{now}");
        }
    }

    #[test]
    fn hours_over_midnight_and_hours_that_are_always_open() {
        let night = OpenHours::new("UTC", "22:00", "06:00").unwrap();
        assert_eq!(night.open_from(utc("2026-03-01T23:00:00Z")), utc("2026-03-01T23:00:00Z"));
        assert_eq!(night.open_from(utc("2026-03-01T06:00:00Z")), utc("2026-03-01T22:00:00Z"));
        let always = OpenHours::new("UTC", "00:00", "00:00").unwrap();
        assert_eq!(always.open_from(utc("2026-03-01T06:00:00Z")), utc("2026-03-01T06:00:00Z"));
    }

    #[test]
    fn an_opening_that_the_spring_leaves_out_is_where_the_clocks_go_on() {
        // Madrid goes from 02:00 to 03:00 on 29 March 2026, at 01:00 UTC; back from 03:00 to 02:00 on 25 October, at
        // 01:00 UTC.
        let hours = OpenHours::new("Europe/Madrid", "02:30", "12:00").unwrap();
        assert_eq!(hours.open_from(utc("2026-03-29T00:30:00Z")), utc("2026-03-29T01:00:00Z"));
        assert_eq!(hours.open_from(utc("2026-10-25T00:10:00Z")), utc("2026-10-25T00:30:00Z"));
    }

    #[test]
    fn what_is_no_zone_or_time_is_named() {
        assert_eq!(OpenHours::new("Mars", "09:00", "20:00"), Err(OpenHoursError::Zone("Mars".to_owned())));
        assert_eq!(OpenHours::new("UTC", "9 am", "20:00"), Err(OpenHoursError::Time("9 am".to_owned())));
    }

    proptest! {
        #[test]
        fn the_opening_is_open_not_past_and_at_most_a_day_and_a_bit_away(
            zone in proptest::sample::select(&["Europe/Madrid", "America/New_York", "Australia/Lord_Howe",
                "Asia/Kolkata", "UTC"][..]),
            second in 1_700_000_000_i64..1_900_000_000,
            (from, to) in (0..96_u32, 0..96_u32),
        ) {
            let quarter = |n: u32| format!("{:02}:{:02}", n / 4, n % 4 * 15);
            let hours = OpenHours::new(zone, &quarter(from), &quarter(to)).unwrap();
            let now = DateTime::from_timestamp(second, 0).unwrap();
            let open = hours.open_from(now);
            prop_assert!(open >= now && open - now <= TimeDelta::hours(26));
            let local = open.with_timezone(&hours.time_zone).time();
            // A gap in spring can leave nothing of hours shorter than itself.
            prop_assert!(hours.is_open_at(local) || open == now || (to + 96 - from) % 96 <= 4, "{local}");
        }
    }
}
