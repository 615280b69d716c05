//! The days of the week on which messages go out.

use chrono::{DateTime, Datelike, Days, NaiveTime, TimeDelta, TimeZone, Utc, Weekday};
use herald_ledger::OpenHours;

/// The steps in which a day is looked for: two a day, and a week has seven.
const STEPS: usize = 18;

herald_base::text_enum! {
    /// A day of the week.
    pub enum Day, "there is no day {:?}" {
        /// Monday.
        Monday "mon",
        /// Tuesday.
        Tuesday "tue",
        /// Wednesday.
        Wednesday "wed",
        /// Thursday.
        Thursday "thu",
        /// Friday.
        Friday "fri",
        /// Saturday.
        Saturday "sat",
        /// Sunday.
        Sunday "sun",
    }
}

impl From<Weekday> for Day {
    fn from(day: Weekday) -> Self {
        match day {
            Weekday::Mon => Self::Monday,
            Weekday::Tue => Self::Tuesday,
            Weekday::Wed => Self::Wednesday,
            Weekday::Thu => Self::Thursday,
            Weekday::Fri => Self::Friday,
            Weekday::Sat => Self::Saturday,
            Weekday::Sun => Self::Sunday,
        }
    }
}

/// The first moment from `now` on within hours that begin on one of these days; on any day if there are none. Hours
/// over midnight belong to the day on which they begin.
pub(super) fn open_on(days: &[Day], hours: OpenHours, now: DateTime<Utc>) -> DateTime<Utc> {
    let mut at = hours.open_from(now);
    for _ in 0..STEPS {
        let local = at.with_timezone(&hours.time_zone);
        let began_yesterday = hours.from > hours.to && local.time() < hours.to;
        let day = if began_yesterday { local.date_naive().pred_opt() } else { Some(local.date_naive()) };
        if days.is_empty() || day.is_some_and(|day| days.contains(&Day::from(day.weekday()))) {
            break;
        }
        let next = match began_yesterday {
            true => local.date_naive().and_time(hours.to),
            false => (local.date_naive() + Days::new(1)).and_time(NaiveTime::MIN),
        };
        // A time that the clocks leave out in spring begins where they go on.
        let next = (0..=8).find_map(|quarter| {
            hours.time_zone.from_local_datetime(&(next + TimeDelta::minutes(15 * quarter))).earliest()
        });
        let next = next.map_or(at + TimeDelta::hours(1), |next| next.with_timezone(&Utc));
        at = hours.open_from(next.max(at + TimeDelta::seconds(1)));
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_wait_for_the_hours_of_a_day_on_which_they_go_out() {
        // 2026-03-02 is a Monday; Madrid is an hour ahead until the 29th.
        for (days, from, to, now, open) in [
            (&[][..], "09:00", "18:00", "2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z"),
            (&[Day::Monday], "09:00", "18:00", "2026-03-01T10:00:00Z", "2026-03-02T08:00:00Z"),
            (&[Day::Monday], "09:00", "18:00", "2026-03-02T10:00:00Z", "2026-03-02T10:00:00Z"),
            (&[Day::Monday], "09:00", "18:00", "2026-03-02T17:00:00Z", "2026-03-09T08:00:00Z"),
            // Friday's night goes on in the morning of Saturday.
            (&[Day::Friday], "22:00", "02:00", "2026-03-07T00:30:00Z", "2026-03-07T00:30:00Z"),
            (&[Day::Friday], "22:00", "02:00", "2026-03-06T00:30:00Z", "2026-03-06T21:00:00Z"),
            (&[Day::Friday], "22:00", "02:00", "2026-03-07T01:30:00Z", "2026-03-13T21:00:00Z"),
            // On the 29th the clocks go on.
            (&[Day::Sunday], "02:30", "03:30", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"),
        ] {
            let hours = OpenHours::new("Europe/Madrid", from, to).unwrap();
            let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
            assert_eq!(open_on(days, hours, at(now)), at(open), "{days:?} {from} {to} {now}");
        }
    }
}
