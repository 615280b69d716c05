//! The form that asks for a run: for a list of guests, for a segment, or for contacts of a Mautic site.

use axum::{Router, response::Response, routing::get};
use serde_json::{Value, json};

use super::{runs::with_names, templates};
use crate::{
    Console,
    page::page,
    query::{Query, part},
    visit::{Stop, Visit},
};

/// Templates and runs that the form knows of.
const KNOWN: usize = 100;
/// Runs whose events are offered.
const RECENT: usize = 20;

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/w/{ws}/runs/new", get(form))
}

async fn form(visit: Visit) -> Result<Response, Stop> {
    visit.needs("checkRun")?;
    let query = Query::of(&visit.address);
    let templates = templates(&visit, KNOWN).await?;
    let recent = visit.get(&format!("/api/v1/invitation-runs?limit={RECENT}")).await?;
    let mut events: Vec<Value> = Vec::new();
    for run in with_names(&visit, &recent["items"]).await {
        if !run["event"].is_null() && !events.contains(&run["event"]["name"]) {
            events.push(run["event"]["name"].clone());
        }
    }
    // Who may start a run may see the connections; if not, the form does without.
    let connections = visit.ask("/api/v1/connections").await.unwrap_or_else(|_| json!({ "items": [] }));
    let of = |provider: &str| -> Vec<&Value> {
        let all = connections["items"].as_array().into_iter().flatten();
        all.filter(|connection| connection["settings"]["provider"] == provider).collect()
    };
    let source = query.get("source").filter(|source| ["mautic", "segment"].contains(source)).unwrap_or("list");
    let segments = visit.ask("/api/v1/segments").await.unwrap_or_else(|_| json!({ "items": [] }));
    // Of the one that the address names it is said how many they are.
    let chosen = query.get("segment").filter(|_| source == "segment");
    let members = match chosen {
        Some(id) => visit.ask(&format!("/api/v1/segments/{}/members", part(id))).await.unwrap_or_default(),
        None => Value::Null,
    };
    let own = json!({ "templates": templates, "events": events, "source": source, "mautic": of("mautic"),
        "segments": segments["items"], "segment": chosen, "members": members["contacts"],
        "drive": of("google"), "buckets": of("s3"), "event": query.get("event"), "template": query.get("template") });
    Ok(page(&visit, "invitations/new_run.html").show(own))
}
