//! Guests of the latest runs and those who were looked for, for a person who tries a template out.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::{query::part, visit::Visit};

/// The runs whose guests are offered, and the guests of each.
const RUNS: usize = 3;
const GUESTS: usize = 25;

/// Groups of guests, one for each run that has some. `chosen` is an invitation that is offered in any case. Those whom
/// `wanted` finds come first.
pub(super) async fn offered(visit: &Visit, chosen: Option<&str>, wanted: Option<&str>) -> Vec<Value> {
    let mut groups = Vec::new();
    if let Some(words) = wanted {
        groups.push(found(visit, words).await);
    }
    let latest = visit.ask(&format!("/api/v1/invitation-runs?limit={RUNS}")).await.unwrap_or_default();
    let runs = latest["items"].as_array().into_iter().flatten();
    groups.extend(join_all(runs.map(|run| of_run(visit, run))).await.into_iter().flatten());
    let is_offered = |id: &str| {
        groups.iter().any(|group| group["guests"].as_array().is_some_and(|all| all.iter().any(|one| one["id"] == id)))
    };
    if let Some(id) = chosen.filter(|id| !is_offered(id)) {
        groups.insert(0, json!({ "run": "Chosen", "guests": [{ "id": id, "name": "The chosen guest" }] }));
    }
    groups
}

async fn found(visit: &Visit, words: &str) -> Value {
    let found = visit.ask(&format!("/api/v1/search?kind=guests&q={}", part(words))).await.unwrap_or_default();
    let guest = |guest: &Value| {
        let name = format!("{}, {}", guest["name"].as_str()?, guest["detail"].as_str()?);
        Some(json!({ "id": guest["id"], "name": name }))
    };
    let guests: Vec<Value> =
        found["groups"][0]["items"].as_array().into_iter().flatten().take(GUESTS).filter_map(guest).collect();
    let title = if guests.is_empty() { "Nobody was found" } else { "Found" };
    json!({ "run": title, "guests": guests })
}

async fn of_run(visit: &Visit, run: &Value) -> Option<Value> {
    let id = part(run["id"].as_str()?);
    let path = format!("/api/v1/invitation-runs/{id}");
    let (run, guests) = (visit.ask(&path).await.ok()?, visit.ask(&format!("{path}/guests?limit={GUESTS}")).await.ok()?);
    let guests: Vec<Value> = guests["items"].as_array()?.iter().map(guest).collect();
    let name = run["event"]["name"].as_str().unwrap_or("An event");
    (!guests.is_empty()).then(|| json!({ "run": name, "guests": guests }))
}

fn guest(guest: &Value) -> Value {
    json!({ "id": guest["invitation_id"], "name": guest["name"], "number": guest["lucky_number"] })
}
