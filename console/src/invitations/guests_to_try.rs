//! Guests of the latest runs, for a person who tries a template out.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::{query::part, visit::Visit};

/// The runs whose guests are offered, and the guests of each.
const RUNS: usize = 3;
const GUESTS: usize = 25;

/// Groups of guests, one for each run that has some. `chosen` is an invitation that is offered in any case.
pub(super) async fn offered(visit: &Visit, chosen: Option<&str>) -> Vec<Value> {
    let found = visit.ask(&format!("/api/v1/invitation-runs?limit={RUNS}")).await.unwrap_or_default();
    let runs = found["items"].as_array().into_iter().flatten();
    let mut groups: Vec<Value> = join_all(runs.map(|run| of_run(visit, run))).await.into_iter().flatten().collect();
    let is_offered = |id: &str| {
        groups.iter().any(|group| group["guests"].as_array().is_some_and(|all| all.iter().any(|one| one["id"] == id)))
    };
    if let Some(id) = chosen.filter(|id| !is_offered(id)) {
        groups.insert(0, json!({ "run": "Chosen", "guests": [{ "id": id, "name": "The guest of the link" }] }));
    }
    groups
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
