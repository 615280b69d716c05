//! What recipients did with the messages of a campaign: its numbers, the links, and a map of the hours.

use serde_json::{Value, json};

use crate::{query::part, visit::Visit};

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// The shades of the map.
const SHADES: i64 = 5;

/// The numbers of a campaign. Null, if nothing is counted and it has no public page.
pub(super) async fn of(visit: &Visit, id: &str, campaign: &Value) -> Value {
    let settings = &campaign["settings"];
    if campaign["started_at"].is_null() || (settings["tracking"] == "off" && settings["archive"] != true) {
        return Value::Null;
    }
    let found = visit.ask(&format!("/api/v1/campaigns/{}/tracking", part(id))).await;
    let Ok(mut tracked) = found else { return Value::Null };
    tracked["map"] = map(&tracked["hours"]);
    tracked
}

/// The days of the week with their hours, each with a shade from 0, nothing, to 5. Null, if there was nothing.
fn map(hours: &Value) -> Value {
    let mut week = vec![0_i64; 7 * 24];
    for one in hours.as_array().into_iter().flatten() {
        let hour = one["hour"].as_u64().and_then(|hour| usize::try_from(hour).ok());
        if let Some(sum) = hour.and_then(|hour| week.get_mut(hour)) {
            *sum = one["opens"].as_i64().unwrap_or_default() + one["clicks"].as_i64().unwrap_or_default();
        }
    }
    let most = week.iter().copied().max().unwrap_or_default();
    if most == 0 {
        return Value::Null;
    }
    let days = week.chunks(24).zip(DAYS).map(|(hours, day)| {
        let shade = |sum: &i64| if *sum == 0 { 0 } else { 1 + (sum * (SHADES - 1)) / most };
        let hours = hours.iter().map(|sum| json!({ "sum": sum, "shade": shade(sum) }));
        json!({ "day": day, "hours": hours.collect::<Vec<_>>() })
    });
    days.collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_has_a_shade_for_each_hour_of_the_week() {
        assert_eq!(map(&json!([])), Value::Null);
        let map = map(&json!([{ "hour": 0, "opens": 1, "clicks": 0 }, { "hour": 167, "opens": 60, "clicks": 40 },
            { "hour": 200, "opens": 1000, "clicks": 0 }]));
        let days = map.as_array().unwrap();
        assert_eq!((days.len(), &days[0]["day"], &days[6]["day"]), (7, &json!("Mon"), &json!("Sun")));
        assert_eq!(days[0]["hours"][0], json!({ "sum": 1, "shade": 1 }));
        assert_eq!(days[0]["hours"][1], json!({ "sum": 0, "shade": 0 }));
        assert_eq!(days[6]["hours"][23], json!({ "sum": 100, "shade": 5 }));
    }
}
