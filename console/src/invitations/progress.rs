//! How far a run is, as its page says it: the guests who wait, the pace, and the time that is left.

use chrono::{DateTime, Utc};
use serde_json::Value;

/// The slowest pace of which a time is foretold, in guests a second. A run that was tried again after a day has a slow
/// pace on average, which says nothing of now.
const SLOWEST: f64 = 1.0 / 60.0;
/// The smallest number of guests and of seconds that make a pace.
const FEW: f64 = 5.0;

/// Adds to a run: `is_live`, `waiting`, `rate` in guests a second, and `seconds_left`.
pub(super) fn add(run: &mut Value, now: DateTime<Utc>) {
    let number = |name: &str| run[name].as_i64().unwrap_or_default();
    let ended = number("made") + number("already") + number("failed") + number("cancelled");
    let waiting = (number("total") - ended).max(0);
    let is_live = ["importing", "running"].iter().any(|live| run["state"] == *live);
    let begun: Option<DateTime<Utc>> = run["created_at"].as_str().and_then(|text| text.parse().ok());
    let begun = begun.filter(|_| run["state"] == "running" && ended as f64 >= FEW);
    let (rate, seconds_left) = begun.map_or((Value::Null, Value::Null), |begun| {
        pace(ended - number("already"), waiting, (now - begun).as_seconds_f64())
    });
    run["is_live"] = is_live.into();
    run["waiting"] = waiting.into();
    run["rate"] = rate;
    run["seconds_left"] = seconds_left;
}

/// The pace of what was done in so many seconds, and the seconds that are left at it. Both are null if nothing can be
/// foretold.
pub(crate) fn pace(done: i64, left: i64, seconds: f64) -> (Value, Value) {
    let rate = done as f64 / seconds.max(1.0);
    if seconds < FEW || rate < SLOWEST {
        return (Value::Null, Value::Null);
    }
    (said(rate).into(), if left > 0 { (left as f64 / rate).ceil().into() } else { Value::Null })
}

/// A pace in the unit that gives a number people read.
fn said(rate: f64) -> String {
    if rate >= 0.95 { format!("{rate:.0} a second") } else { format!("{:.0} a minute", rate * 60.0) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(seconds: i64, state: &str, made: i64) -> Value {
        let mut run = json!({ "created_at": "2026-03-01T12:00:00Z", "state": state, "total": 100, "made": made,
            "already": 10, "failed": 2, "cancelled": 0 });
        let begun: DateTime<Utc> = "2026-03-01T12:00:00Z".parse().unwrap();
        add(&mut run, begun + chrono::TimeDelta::seconds(seconds));
        run
    }

    #[test]
    fn a_pace_is_foretold_from_what_was_done() {
        let run = at(10, "running", 38);
        assert_eq!((&run["waiting"], &run["rate"]), (&json!(50), &json!("4 a second")));
        assert_eq!(run["seconds_left"], 13.0);
        assert_eq!(at(120, "running", 38)["rate"], "20 a minute");
    }

    #[test]
    fn nothing_is_foretold_of_a_run_that_has_ended_or_just_begun_or_hardly_moves() {
        for run in [at(10, "complete", 38), at(1, "running", 38), at(90_000, "running", 38)] {
            assert_eq!((&run["rate"], &run["seconds_left"]), (&Value::Null, &Value::Null));
        }
        assert_eq!(at(10, "complete", 38)["is_live"], false);
    }
}
