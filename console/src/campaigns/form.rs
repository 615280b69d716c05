//! The form of a campaign. Its audience is counted before anything is saved.
//!
//! ```text
//! GET  …/new, …/{id}/edit ──▶ the form, with the audience as it is stored, counted
//! POST …/new, …/{id}/edit ──▶ the form with what was typed, and its audience counted; nothing is stored
//! POST …/acts/createCampaign, …/acts/changeCampaign ──▶ a draft, or the form again with its faults
//! ```
//!
//! The script sends the second form after each change, and takes the count of the page.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Router,
    extract::{Path, Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use futures::join;
use serde_json::{Value, json};

use super::{all, audience, moves, rules, tabs};
use crate::{
    Console,
    api::Refusal,
    form::{Filled, Form},
    page::page,
    query::{Query, part},
    visit::{Missing, Stop, Visit, to_sign_in},
};

const CREATE: &str = "createCampaign";
const CHANGE: &str = "changeCampaign";
/// Tags that the form names, for people to copy.
const TAGS: usize = 40;

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/w/{ws}/campaigns/new", get(new).post(count))
        .route("/w/{ws}/campaigns/{id}/edit", get(edit).post(count))
}

async fn new(visit: Visit) -> Result<Response, Stop> {
    open(&visit, None).await
}

async fn edit(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    open(&visit, Some(&id)).await
}

/// Counts whom the typed audience means. Nothing is stored, so a repeated form does no harm.
async fn count(State(console): State<Console>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let mut visit = match Visit::of(&mut parts, &console).await {
        Ok(visit) => visit,
        Err(Missing::Session) => return to_sign_in(parts.uri.path()),
        Err(Missing::Page(stop)) => return stop.into_response(),
    };
    let path = parts.uri.path().to_owned();
    let id = path.strip_suffix("/edit").and_then(|path| path.rsplit('/').next());
    let form = match Form::read(Request::from_parts(parts, body)).await {
        Ok(form) => form,
        Err(refusal) => return visit.stop(&refusal).into_response(),
    };
    if !visit.trusts(&form) {
        let detail = "your session had ended, so nobody was counted: open the form again, and type your change there";
        return visit.stop(&Refusal::of(StatusCode::CONFLICT, detail)).into_response();
    }
    visit.filled = Arc::new(Filled::kept(if id.is_some() { CHANGE } else { CREATE }, &form));
    open(&visit, id).await.unwrap_or_else(IntoResponse::into_response)
}

/// The form of a campaign, or of a new one.
async fn open(visit: &Visit, id: Option<&str>) -> Result<Response, Stop> {
    let Some(id) = id else {
        visit.needs(CREATE)?;
        let query = Query::of(&visit.address);
        let segment: Vec<&str> = query.get("segment").into_iter().collect();
        let settings = json!({ "time_zone": visit.person.time_zone });
        let blank = json!({ "channel": "email", "audience": { "segments": segment }, "settings": settings });
        return show(visit, CREATE, &blank, None).await;
    };
    visit.needs(CHANGE)?;
    let (campaign, version) = visit.versioned(&format!("/api/v1/campaigns/{}", part(id))).await?;
    if !moves::is_open(&campaign) {
        let detail = "the campaign has begun, so that it cannot be changed any more: duplicate it, and change the copy";
        return Err(visit.stop(&Refusal::of(StatusCode::CONFLICT, detail)));
    }
    show(visit, CHANGE, &campaign, version).await
}

async fn show(visit: &Visit, act: &str, campaign: &Value, version: Option<String>) -> Result<Response, Stop> {
    let typed = visit.filled.typed(act);
    let audience = typed.map_or_else(|| Ok(campaign["audience"].clone()), audience::typed);
    let channel = typed.and_then(|typed| typed.get("channel")).map(String::as_str).or(campaign["channel"].as_str());
    let counted = async {
        match &audience {
            Ok(audience) if audience::is_empty(audience) => None,
            Ok(audience) => audience::count(visit, channel.unwrap_or_default(), audience).await,
            Err(fault) => Some(Err(fault.clone())),
        }
    };
    let (counted, senders, templates, segments, tags) = join!(
        counted,
        all(visit, "senders"),
        all(visit, "message-templates"),
        all(visit, "segments"),
        all(visit, "tags"),
    );
    let (counted, fault) = match counted {
        Some(Ok(counted)) => (Some(counted), None),
        Some(Err(fault)) => (None, Some(fault)),
        None => (None, None),
    };
    let stands = stands(campaign);
    let is_ticked = |name: &str, stored: bool| typed.map_or(stored, |typed| typed.contains_key(name));
    let ticked = |name: &str, stored: &Value| match typed {
        Some(typed) => typed.get(name).map(|lines| lines.lines().map(str::to_owned).collect()).unwrap_or_default(),
        None => strings(stored),
    };
    // Campaigns go by what the workspace has senders for.
    let mut channels: BTreeSet<&str> = senders.iter().filter_map(|sender| sender["channel"].as_str()).collect();
    channels.insert("email");
    let own = json!({
        "act": act,
        "campaign": campaign,
        "version": version,
        "overtaken": visit.filled.overtaken(act, version.as_deref(), &stands),
        "stands": stands,
        "channels": channels,
        "everybody": is_ticked("audience.everybody", campaign["audience"]["everybody"] == true),
        "by_recipient": is_ticked(
            "settings.hours.by_recipient",
            campaign["settings"]["hours"]["by_recipient"] == true,
        ),
        "days": ticked("settings.hours.days", &campaign["settings"]["hours"]["days"]),
        "archive": is_ticked("settings.archive", campaign["settings"]["archive"] == true),
        "meant": ticked("audience.segments", &campaign["audience"]["segments"]),
        "without": ticked("audience.without_segments", &campaign["audience"]["without_segments"]),
        "events": ticked("audience.events", &campaign["audience"]["events"]),
        "counted": counted,
        "fault": fault,
        "senders": senders,
        "message_templates": templates,
        "segments": segments,
        "tags": tags.iter().take(TAGS).map(|tag| &tag["name"]).collect::<Vec<_>>(),
        "tabs": tabs(visit),
    });
    Ok(page(visit, "campaigns/form.html").show(own))
}

/// The values of a campaign by the fields of its form.
fn stands(campaign: &Value) -> Value {
    let (audience, own) = (&campaign["audience"], settings(&campaign["settings"]));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rule = &audience["rule"];
    let rule = if rule.is_null() { String::new() } else { serde_json::to_string_pretty(rule).unwrap_or_default() };
    let zone = &own["time_zone"];
    json!({
        "name": text(&campaign["name"]),
        "channel": text(&campaign["channel"]),
        "sender_id": text(&campaign["sender_id"]),
        "template_id": text(&campaign["template_id"]),
        "audience.tags": strings(&audience["tags"]).join(", "),
        "audience.without_tags": strings(&audience["without_tags"]).join(", "),
        "audience.rule": rule,
        "settings.purpose": own["purpose"],
        "settings.consent": own["consent"],
        "settings.shared_address": own["shared_address"],
        "settings.time_zone": zone,
        "settings.hours.from": text(&own["hours"]["from"]),
        "settings.hours.to": text(&own["hours"]["to"]),
        "settings.expires_at": local(&own["expires_at"], zone),
        "settings.pause_at_percent": own["pause_at_percent"].to_string(),
        "settings.missing": rules::missing_lines(&own["missing"]),
        "settings.ab.subjects": strings(&own["ab"]["subjects"]).join("\n"),
        "settings.ab.split_percent": own["ab"]["split_percent"].as_u64().unwrap_or(20).to_string(),
        "settings.ab.winner_by": own["ab"]["winner_by"].as_str().unwrap_or("opens"),
        "settings.ab.after_hours": own["ab"]["after_hours"].as_u64().unwrap_or(4).to_string(),
        "settings.tracking": own["tracking"],
        "send_at": local(&campaign["send_at"], zone),
    })
}

/// The settings of a campaign, with the usual ones in the place of those that are missing.
pub(super) fn settings(given: &Value) -> Value {
    let mut all = json!({ "purpose": "marketing", "consent": "not_withdrawn", "shared_address": "once",
        "time_zone": "UTC", "hours": null, "expires_at": null, "pause_at_percent": 20,
        "missing": {}, "ab": null, "tracking": "aggregate", "archive": false });
    for (name, value) in given.as_object().into_iter().flatten() {
        all[name] = value.clone();
    }
    all
}

/// A moment by the clocks of a zone, as a field of a form has it; empty, if there is none.
pub(super) fn local(at: &Value, zone: &Value) -> String {
    let at = at.as_str().and_then(|at| at.parse::<DateTime<Utc>>().ok());
    let zone = zone.as_str().and_then(|zone| zone.parse().ok()).unwrap_or(Tz::UTC);
    at.map(|at| at.with_timezone(&zone).format("%Y-%m-%dT%H:%M").to_string()).unwrap_or_default()
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_has_the_times_of_the_campaigns_zone() {
        let settings = json!({ "time_zone": "Europe/Madrid", "expires_at": "2026-12-13T08:00:00Z",
            "hours": { "from": "09:00", "to": "20:00", "by_recipient": true } });
        let audience = json!({ "tags": ["vip", "press"], "rule": { "tag": "a" } });
        let campaign = json!({ "name": "Spring", "settings": settings, "audience": audience,
            "send_at": "2026-07-01T07:30:00Z", "sender_id": null });
        let stands = stands(&campaign);
        assert_eq!(stands["send_at"], "2026-07-01T09:30");
        assert_eq!(stands["settings.expires_at"], "2026-12-13T09:00");
        assert_eq!((&stands["settings.hours.to"], &stands["sender_id"]), (&json!("20:00"), &json!("")));
        assert_eq!(
            (&stands["audience.tags"], &stands["settings.pause_at_percent"]),
            (&json!("vip, press"), &json!("20"))
        );
        assert!(stands["audience.rule"].as_str().unwrap().contains("\"tag\": \"a\""));
    }
}
