//! Campaigns: the list, one campaign with its way, its numbers and its acts, its form, and its messages.

mod audience;
mod causes;
mod checks;
mod compare;
mod form;
mod message;
mod messages;
mod moves;
mod rules;
mod steps;
mod tracking;
mod trials;
mod whatsapp;

pub(crate) use self::rules::{missing, subjects};

use axum::{Router, extract::Path, response::Response, routing::get};
use chrono::{DateTime, Utc};
use futures::join;
use serde_json::{Value, json};

use crate::{
    Console,
    invitations::progress::pace,
    operate::actors,
    page::page,
    query::{Query, part},
    visit::{Stop, Visit},
};

/// Campaigns on a page of the list.
const CAMPAIGNS: usize = 25;
/// What the address of the list says.
const FILTERS: [&str; 3] = ["state", "search", "cursor"];
/// The messages that make a pace.
const FEW: i64 = 5;

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/w/{ws}/campaigns", get(list))
        .route("/w/{ws}/campaigns/{id}", get(one))
        .merge(checks::routes())
        .merge(compare::routes())
        .merge(form::routes())
        .merge(message::routes())
        .merge(messages::routes())
        .merge(trials::routes())
        .merge(whatsapp::routes())
}

async fn list(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address);
    let address = format!("/api/v1/campaigns?limit={CAMPAIGNS}&{}", query.only(&FILTERS));
    let (found, segments) = join!(visit.ask(&address), all(&visit, "segments"));
    let (mut found, fault) = match found {
        Ok(found) => (found, None),
        // A wrong filter is shown beside an empty list.
        Err(refusal) if refusal.status.as_u16() == 422 => {
            (json!({ "items": [], "next_cursor": null }), Some(refusal.detail))
        }
        Err(refusal) => return Err(visit.stop(&refusal)),
    };
    for campaign in found["items"].as_array_mut().into_iter().flatten() {
        campaign["whom"] = audience::words(&campaign["audience"], &segments).into();
    }
    let own = json!({ "campaigns": found["items"], "next_cursor": found["next_cursor"], "fault": fault,
        "state": query.get("state").unwrap_or_default(), "search": query.get("search").unwrap_or_default(),
        "tabs": tabs(&visit) });
    Ok(page(&visit, "campaigns/campaigns.html").show(own))
}

async fn one(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    let address = format!("/api/v1/campaigns/{}", part(&id));
    let mut campaign = visit.get(&address).await?;
    let older = Query::of(&visit.address).only(&["cursor"]);
    let newest = async { visit.ask(&format!("{address}/log")).await.unwrap_or_else(|_| nothing()) };
    let why = async { visit.ask(&format!("{address}/causes")).await.unwrap_or_else(|_| nothing()) };
    let check = async {
        match moves::is_open(&campaign) && campaign["state"] != "draft" {
            true => visit.ask(&format!("{address}/check")).await.unwrap_or_default(),
            false => Value::Null,
        }
    };
    let variants = async {
        match campaign["settings"]["ab"].is_null() {
            true => Value::Null,
            false => visit.ask(&format!("{address}/variants")).await.unwrap_or_default(),
        }
    };
    let shown = async {
        match older.is_empty() {
            true => None,
            false => visit.ask(&format!("{address}/log?{older}")).await.ok(),
        }
    };
    let (newest, shown, members, segments, senders, templates, counted, causes, check, variants, tracked) = join!(
        newest,
        shown,
        actors::members(&visit),
        all(&visit, "segments"),
        all(&visit, "senders"),
        all(&visit, "message-templates"),
        count(&visit, &campaign),
        why,
        check,
        variants,
        tracking::of(&visit, &id, &campaign),
    );
    let people = actors::of(&members);
    let name = |who: &Value| who.as_str().map(|who| actors::name(who, &people));
    let mut log = shown.unwrap_or_else(|| newest.clone());
    for event in log["items"].as_array_mut().into_iter().flatten() {
        event["name"] = name(&event["who"]).into();
    }
    let now = visit.console.clock.now();
    campaign["whom"] = audience::words(&campaign["audience"], &segments).into();
    let own = json!({
        "steps": steps::of(&campaign, &newest["items"], name),
        "pace": pace_of(&campaign, &newest["items"], now),
        "moves": moves::of(&visit, &campaign, &members, now),
        "counted": counted,
        "failed": causes::of(&causes["items"], "failed"),
        "left_out": causes::of(&causes["items"], "suppressed"),
        "check": check,
        "variants": variants["items"],
        "tracked": tracked,
        "log": log["items"],
        "next_cursor": log["next_cursor"],
        "settings": form::settings(&campaign["settings"]),
        "there": form::local(&campaign["send_at"], &campaign["settings"]["time_zone"]),
        "sender": named(&senders, &campaign["sender_id"]),
        "message_template": named(&templates, &campaign["template_id"]),
        "tabs": tabs(&visit),
        "campaign": campaign,
    });
    Ok(page(&visit, "campaigns/campaign.html").show(own))
}

/// All of a short list of the workspace; none, if the person may not see it.
async fn all(visit: &Visit, what: &str) -> Vec<Value> {
    let mut found = visit.ask(&format!("/api/v1/{what}?limit=500")).await.unwrap_or_default();
    found["items"].as_array_mut().map(std::mem::take).unwrap_or_default()
}

/// The one with this id.
fn named(all: &[Value], id: &Value) -> Value {
    all.iter().find(|one| !id.is_null() && one["id"] == *id).cloned().unwrap_or_default()
}

fn nothing() -> Value {
    json!({ "items": [], "next_cursor": null })
}

/// What belongs to campaigns and has pages of its own, as far as the person may see it.
fn tabs(visit: &Visit) -> Value {
    json!({ "senders": visit.may("listSenders"), "templates": visit.may("listMessageTemplates") })
}

/// How many people a campaign means that has not begun.
async fn count(visit: &Visit, campaign: &Value) -> Option<Value> {
    if !moves::is_open(campaign) || audience::is_empty(&campaign["audience"]) {
        return None;
    }
    let channel = campaign["channel"].as_str().unwrap_or_default();
    audience::count(visit, channel, &campaign["audience"]).await?.ok()
}

/// How fast a campaign goes. One that was paused, or waited for its hours, has a slow pace on average, which says
/// nothing of now.
fn pace_of(campaign: &Value, log: &Value, now: DateTime<Utc>) -> Value {
    let number = |name: &str| campaign["counts"][name].as_i64().unwrap_or_default();
    let done = number("sent") + number("delivered") + number("failed") + number("unknown");
    let stopped = log.as_array().into_iter().flatten().any(|event| event["kind"] == "paused");
    let begun: Option<DateTime<Utc>> = campaign["started_at"].as_str().and_then(|text| text.parse().ok());
    let begun = begun.filter(|_| campaign["state"] == "sending" && !stopped && done >= FEW);
    let (rate, seconds_left) = begun.map_or((Value::Null, Value::Null), |begun| {
        pace(done, number("pending") + number("claimed"), (now - begun).as_seconds_f64())
    });
    json!({ "rate": rate, "seconds_left": seconds_left })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_campaign_has_a_pace_while_it_is_sent_without_a_break() {
        let now: DateTime<Utc> = "2026-03-01T12:00:10Z".parse().unwrap();
        let campaign = |state: &str| {
            let counts = json!({ "sent": 100, "delivered": 0, "failed": 0, "unknown": 0, "pending": 50, "claimed": 0 });
            json!({ "state": state, "started_at": "2026-03-01T12:00:00Z", "counts": counts })
        };
        let sending = pace_of(&campaign("sending"), &json!([]), now);
        assert_eq!(sending, json!({ "rate": "10 a second", "seconds_left": 5.0 }));
        let none = json!({ "rate": null, "seconds_left": null });
        assert_eq!(pace_of(&campaign("sent"), &json!([]), now), none);
        assert_eq!(pace_of(&campaign("sending"), &json!([{ "kind": "paused" }]), now), none);
    }
}
