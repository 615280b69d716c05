//! Times as people read them: in their own zone, with the exact time at hand.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use minijinja::{Error, ErrorKind, Value};

fn read(value: &Value) -> Result<Option<DateTime<Utc>>, Error> {
    if value.is_none() {
        return Ok(None);
    }
    let text = value.as_str().unwrap_or_default();
    let parsed = DateTime::parse_from_rfc3339(text);
    parsed
        .map(|time| Some(time.with_timezone(&Utc)))
        .map_err(|_| Error::new(ErrorKind::InvalidOperation, format!("{text:?} is not a time")))
}

/// A time element with this text. Nothing in it comes from outside.
fn element(time: DateTime<Utc>, zone: Tz, text: &str) -> Value {
    let exact = time.with_timezone(&zone).format("%-d %B %Y, %H:%M:%S");
    let machine = time.format("%Y-%m-%dT%H:%M:%SZ");
    Value::from_safe_string(format!("<time datetime=\"{machine}\" title=\"{exact} ({zone})\">{text}</time>"))
}

fn zone(name: &str) -> Tz {
    name.parse().unwrap_or(Tz::UTC)
}

/// The date and the hour; of today the hour alone, of this year without the year.
pub(crate) fn show(value: &Value, zone_name: &str, now: &str) -> Result<Value, Error> {
    let Some(time) = read(value)? else { return Ok(Value::from("—")) };
    let (zone, now) = (zone(zone_name), read(&Value::from(now))?.unwrap_or(time));
    let (local, today) = (time.with_timezone(&zone), now.with_timezone(&zone));
    let form = match (
        local.date_naive() == today.date_naive(),
        local.format("%Y").to_string() == today.format("%Y").to_string(),
    ) {
        (true, _) => "%H:%M",
        (false, true) => "%-d %b, %H:%M",
        (false, false) => "%-d %b %Y",
    };
    Ok(element(time, zone, &local.format(form).to_string()))
}

/// How long ago it was, or in how long it will be.
pub(crate) fn ago(value: &Value, zone_name: &str, now: &str) -> Result<Value, Error> {
    let Some(time) = read(value)? else { return Ok(Value::from("never")) };
    let now = read(&Value::from(now))?.unwrap_or(time);
    let passed = now - time;
    let text = match passed.num_seconds() {
        -4..=4 => "now".to_owned(),
        5.. => format!("{} ago", span(passed)),
        _ => format!("in {}", span(-passed)),
    };
    Ok(element(time, zone(zone_name), &text))
}

/// A number of seconds, as a person says it.
pub(crate) fn seconds(value: f64) -> String {
    match value {
        ..1.0 => format!("{:.0} ms", value * 1_000.0),
        1.0..10.0 => format!("{value:.1} s"),
        _ => span(TimeDelta::milliseconds((value * 1_000.0) as i64)),
    }
}

fn span(passed: TimeDelta) -> String {
    match (passed.num_seconds(), passed.num_minutes(), passed.num_hours(), passed.num_days()) {
        (seconds, 0, ..) => format!("{seconds} s"),
        (_, minutes, 0, _) => format!("{minutes} min"),
        (_, _, hours, 0..=1) => format!("{hours} h"),
        (.., days) => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-03-01T12:00:00Z";

    fn text(value: &Value) -> String {
        let html = value.to_string();
        html.split_once('>').map_or(html.clone(), |(_, rest)| rest.trim_end_matches("</time>").to_owned())
    }

    #[test]
    fn a_time_is_in_the_persons_zone_and_as_short_as_it_can_be() {
        let shown = |time: &str| text(&show(&Value::from(time), "Europe/Vienna", NOW).unwrap());
        assert_eq!(shown("2026-03-01T08:30:00Z"), "09:30");
        assert_eq!(shown("2026-02-27T23:30:00Z"), "28 Feb, 00:30");
        assert_eq!(shown("2025-07-01T10:00:00Z"), "1 Jul 2025");
        let whole = show(&Value::from("2025-07-01T10:00:00Z"), "Europe/Vienna", NOW).unwrap().to_string();
        assert!(whole.contains("title=\"1 July 2025, 12:00:00 (Europe/Vienna)\""), "{whole}");
    }

    #[test]
    fn how_long_ago_has_one_unit() {
        let shown = |time: &str| text(&ago(&Value::from(time), "UTC", NOW).unwrap());
        assert_eq!(shown("2026-03-01T11:59:58Z"), "now");
        assert_eq!(shown("2026-03-01T11:59:20Z"), "40 s ago");
        assert_eq!(shown("2026-03-01T10:00:00Z"), "2 h ago");
        assert_eq!(shown("2026-02-20T10:00:00Z"), "9 days ago");
        assert_eq!(shown("2026-03-01T12:05:00Z"), "in 5 min");
        assert_eq!(ago(&Value::from(()), "UTC", NOW).unwrap().to_string(), "never");
        assert!(ago(&Value::from("yesterday"), "UTC", NOW).is_err());
    }

    #[test]
    fn seconds_are_said_as_people_do() {
        assert_eq!(seconds(0.25), "250 ms");
        assert_eq!(seconds(1.25), "1.2 s");
        assert_eq!(seconds(90.0), "1 min");
    }
}
