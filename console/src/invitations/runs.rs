//! Runs: the list, and one run with its guests.

use std::collections::{HashMap, HashSet};

use axum::{Router, extract::Path, response::Response, routing::get};
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use super::{own_picture, passed, progress};
use crate::{
    Console,
    page::page,
    query::{Query, part},
    visit::{Stop, Visit},
};

/// Runs on a page of the list.
const RUNS: usize = 25;
/// Guests on a page of a run: whole rows of pictures on most screens.
const GUESTS: usize = 48;
/// Runs that are asked for at the same time.
const AT_ONCE: usize = 8;

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/w/{ws}/runs", get(list))
        .route("/w/{ws}/runs/{id}", get(one))
        .route("/w/{ws}/runs/{id}/events", get(events))
        .route("/w/{ws}/runs/{id}/results.csv", get(results))
}

async fn list(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address);
    let found = visit.get(&format!("/api/v1/invitation-runs?limit={RUNS}&{}", query.only(&["cursor"]))).await?;
    let runs = with_names(&visit, &found["items"]).await;
    let own = json!({ "runs": runs, "next_cursor": found["next_cursor"] });
    Ok(page(&visit, "invitations/runs.html").show(own))
}

async fn one(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    let address = format!("/api/v1/invitation-runs/{}", part(&id));
    let mut run = visit.get(&address).await?;
    progress::add(&mut run, visit.console.clock.now());
    let query = Query::of(&visit.address);
    let guests = visit.ask(&format!("{address}/guests?limit={GUESTS}&{}", query.only(&["state", "cursor"]))).await;
    let (mut guests, fault) = match guests {
        Ok(guests) => (guests, None),
        // A wrong filter is shown beside an empty list.
        Err(refusal) if refusal.status.as_u16() == 422 => {
            (json!({ "items": [], "next_cursor": null }), Some(refusal.detail))
        }
        Err(refusal) => return Err(visit.stop(&refusal)),
    };
    for guest in guests["items"].as_array_mut().into_iter().flatten() {
        guest["picture"] = guest["link"].as_str().and_then(own_picture).into();
    }
    let state = query.get("state").unwrap_or_default();
    // What failed is read; what was made is looked at.
    let view = query.get("view").unwrap_or(if state == "failed" { "table" } else { "pictures" });
    let own = json!({ "run": run, "guests": guests["items"], "next_cursor": guests["next_cursor"], "state": state,
        "view": view, "fault": fault });
    Ok(page(&visit, "invitations/run.html").show(own))
}

/// The changes of the run's jobs, as they happen.
async fn events(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    let run = visit.get(&format!("/api/v1/invitation-runs/{}", part(&id))).await?;
    let batch = run["batch_id"].as_str().unwrap_or_default();
    Ok(visit.raw(&format!("/api/v1/batches/{}/events", part(batch))).await)
}

async fn results(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    passed(&visit, &format!("/api/v1/invitation-runs/{}/results.csv", part(&id))).await
}

/// Runs of a list with their events and templates, and of those at work what they wait for. The list of the API has
/// neither, so one run is looked at for each event and template.
pub(crate) async fn with_names(visit: &Visit, runs: &Value) -> Vec<Value> {
    let mut runs = runs.as_array().cloned().unwrap_or_default();
    let pair = |run: &Value| (run["event_id"].to_string(), run["template_id"].to_string());
    let now = visit.console.clock.now();
    let mut known = HashSet::new();
    let mut asked = Vec::new();
    for run in &mut runs {
        progress::add(run, now);
        if run["is_live"] == true || known.insert(pair(run)) {
            asked.push(run["id"].as_str().unwrap_or_default().to_owned());
        }
    }
    let asks = asked.into_iter().map(|id| async move {
        let run = visit.ask(&format!("/api/v1/invitation-runs/{}", part(&id))).await.ok()?;
        Some((id, run))
    });
    let looked_at: Vec<(String, Value)> =
        stream::iter(asks).buffer_unordered(AT_ONCE).filter_map(async |run| run).collect().await;
    let names: HashMap<_, _> = looked_at.iter().map(|(_, run)| (pair(run), run)).collect();
    for run in &mut runs {
        let (event, template) =
            names.get(&pair(run)).map_or((&Value::Null, &Value::Null), |same| (&same["event"], &same["template"]));
        (run["event"], run["template"]) = (event.clone(), template.clone());
        let own = looked_at.iter().find(|(id, _)| run["id"] == id.as_str());
        run["waits_for"] = own.map_or_else(|| json!([]), |(_, own)| own["waits_for"].clone());
    }
    runs
}
