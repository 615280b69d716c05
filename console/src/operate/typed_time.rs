//! Times as people type them into a filter: a span before now, or a day and an hour of their own zone.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// The time that a text means, as the API wants it. A text that means none stays as it is: the API says what is wrong
/// with it.
pub(super) fn meant(text: &str, zone: &str, now: DateTime<Utc>) -> String {
    let zone: Tz = zone.parse().unwrap_or(Tz::UTC);
    match before(text, now).or_else(|| local(text, zone)) {
        Some(time) => time.to_rfc3339_opts(SecondsFormat::Secs, true),
        None => text.to_owned(),
    }
}

/// `30m`, `24h` and `7d` are so long before now.
fn before(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: i64 = number.trim().parse().ok().filter(|number| *number >= 0)?;
    let span = match unit {
        "m" => TimeDelta::try_minutes(number),
        "h" => TimeDelta::try_hours(number),
        "d" => TimeDelta::try_days(number),
        _ => None,
    };
    now.checked_sub_signed(span?)
}

/// The moment of a day and an hour in this zone. A day begins at midnight. A time that the spring leaves out, or
/// that the autumn brings twice, is the earliest.
pub(crate) fn local(text: &str, zone: Tz) -> Option<DateTime<Utc>> {
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|day| day.and_time(NaiveTime::MIN));
    let forms = ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"];
    let time = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()).or_else(day)?;
    let an_hour_later = || zone.from_local_datetime(&(time + TimeDelta::hours(1))).earliest();
    let found = zone.from_local_datetime(&time).earliest().or_else(an_hour_later)?;
    Some(found.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> String {
        meant(text, "Europe/Vienna", "2026-03-01T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_span_ends_now() {
        assert_eq!(of("30m"), "2026-03-01T11:30:00Z");
        assert_eq!(of("24h"), "2026-02-28T12:00:00Z");
        assert_eq!(of("7d"), "2026-02-22T12:00:00Z");
    }

    #[test]
    fn a_day_and_an_hour_are_of_the_persons_zone() {
        assert_eq!(of("2026-03-01"), "2026-02-28T23:00:00Z");
        assert_eq!(of("2026-07-01 09:30"), "2026-07-01T07:30:00Z");
        assert_eq!(of("2026-03-29T02:30"), "2026-03-29T01:30:00Z", "the spring leaves it out");
    }

    #[test]
    fn the_api_judges_everything_else() {
        for text in ["2026-03-01T09:00:00Z", "yesterday", "", "-5h", "9999999999999999d", "é"] {
            assert_eq!(of(text), text);
        }
    }
}
