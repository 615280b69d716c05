//! When campaigns end, against what a clock says that goes through their days second by second.

use herald_db::Json;

use super::*;
use crate::{Quiet, SendingHours, sender::example_sender};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn sender(rate: Option<i64>, cap: Option<i64>, warm_up: &[i64], quiet: Option<&str>) -> Sender {
    Sender {
        rate_per_second: rate,
        quiet: quiet.map(|quiet| Json(serde_json::from_str::<Quiet>(quiet).unwrap())),
        ..example_sender(warm_up, cap, Some("2026-03-02T12:00:00Z"))
    }
}

fn load(zone: Option<&str>, messages: f64) -> Load {
    Load { zone: zone.map(str::to_owned), messages }
}

fn end(sender: &Sender, settings: &CampaignSettings, speed: f64, loads: &[Load]) -> String {
    let way = Way { settings, sender, speed, sent_today: 0 };
    way.end(loads.to_vec(), at("2026-03-02T12:00:00Z")).unwrap().format("%m-%d %H:%M").to_string()
}

#[test]
fn rate_cap_first_days_and_quiet_hours_put_the_end_off() {
    let plain = CampaignSettings::default();
    let of = |sender: &Sender, speed: f64, messages: f64| end(sender, &plain, speed, &[load(None, messages)]);
    assert_eq!(of(&sender(None, None, &[], None), 10.0, 6_000.0), "03-02 12:10");
    assert_eq!(of(&sender(Some(5), None, &[], None), 10.0, 6_000.0), "03-02 12:20");
    // 1,000 today, 1,000 tomorrow, and the rest on the day after.
    assert_eq!(of(&sender(None, Some(1_000), &[], None), 10.0, 2_600.0), "03-04 00:01");
    assert_eq!(of(&sender(None, None, &[100, 200], None), 10.0, 900.0), "03-04 00:01");
    // Until nine in the evening 9 × 3,600 go out, and the rest from eight on.
    let quiet = sender(None, None, &[], Some(r#"{"from": "21:00", "to": "08:00"}"#));
    assert_eq!(of(&quiet, 1.0, 9.0 * 3_600.0 + 600.0), "03-03 08:10");
    assert_eq!(
        of(&sender(None, Some(100), &[], Some(r#"{"from": "21:00", "to": "08:00"}"#)), 1.0, 250.0),
        "03-04 08:00"
    );
}

#[test]
fn each_zone_waits_for_its_own_hours() {
    let hours = SendingHours { from: "09:00".to_owned(), to: "18:00".to_owned(), by_recipient: true, days: Vec::new() };
    let settings = CampaignSettings { hours: Some(hours), ..CampaignSettings::default() };
    let sender = sender(None, None, &[], None);
    let loads = [load(Some("Europe/Madrid"), 600.0), load(Some("Asia/Tokyo"), 600.0)];
    // Madrid is open now; Tokyo from midnight (UTC) on.
    assert_eq!(end(&sender, &settings, 1.0, &loads), "03-03 00:10");
    // Open hours that are quiet at the same time are over when both are.
    let never = super::Way {
        settings: &settings,
        sender: &Sender {
            quiet: Some(Json(serde_json::from_str(r#"{"from": "08:00", "to": "19:00"}"#).unwrap())),
            ..sender
        },
        speed: 1.0,
        sent_today: 0,
    };
    assert_eq!(never.end(loads.to_vec(), at("2026-03-02T12:00:00Z")), None);
}

/// The end as a clock finds it that asks again and again what may go out.
fn by_the_clock(way: &Way<'_>, mut loads: Vec<Load>, mut now: DateTime<Utc>) -> DateTime<Utc> {
    let (mut day, mut sent, mut due) = (now.date_naive(), way.sent_today as f64, 0.0);
    while loads.iter().any(|load| load.messages >= 1.0) {
        if now.date_naive() != day {
            (day, sent) = (now.date_naive(), 0.0);
        }
        due = f64::min(due + way.speed * 10.0, (way.speed * 10.0).max(1.0));
        for load in &mut loads {
            let is_open = way.open_from(load.zone.as_deref(), now) == now;
            while due >= 1.0
                && is_open
                && load.messages >= 1.0
                && way.sender.cap_on(now).is_none_or(|cap| sent < cap as f64)
            {
                load.messages -= 1.0;
                (sent, due) = (sent + 1.0, due - 1.0);
            }
        }
        now += TimeDelta::seconds(10);
    }
    now
}

#[test]
fn the_end_that_is_told_holds() {
    let settings = CampaignSettings { time_zone: "Europe/Madrid".to_owned(), ..CampaignSettings::default() };
    let sender = sender(Some(1), Some(9_000), &[2_000, 5_000], Some(r#"{"from": "20:30", "to": "07:30"}"#));
    let loads = vec![load(None, 9_000.0), load(Some("America/New_York"), 7_000.0), load(Some("Asia/Tokyo"), 3_000.0)];
    let way = Way { settings: &settings, sender: &sender, speed: 0.7, sent_today: 300 };
    let now = at("2026-03-02T13:20:00Z");
    let (told, real) = (way.end(loads.clone(), now).unwrap(), by_the_clock(&way, loads, now));
    let off = (told - real).as_seconds_f64().abs() / (real - now).as_seconds_f64();
    assert!(off < 0.1, "told {told}, and it was {real}");
}
