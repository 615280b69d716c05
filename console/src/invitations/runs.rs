//! Runs: the list, and one run with its guests.

use std::collections::HashMap;

use axum::{Router, extract::Path, response::Response, routing::get};
use futures::{StreamExt, join, stream};
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
/// What the address of a run says of its guests.
const FILTERS: [&str; 4] = ["state", "cause", "search", "cursor"];

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/w/{ws}/runs", get(list))
        .route("/w/{ws}/runs/{id}", get(one))
        .route("/w/{ws}/runs/{id}/events", get(events))
        .route("/w/{ws}/runs/{id}/results.csv", get(results))
        .route("/w/{ws}/runs/{id}/results.zip", get(pictures))
        .route("/w/{ws}/runs/{id}/guests/{guest}/invitation", get(picture))
}

async fn list(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address);
    let asked = query.only(&["template", "cursor"]);
    let found = visit.get(&format!("/api/v1/invitation-runs?limit={RUNS}&{asked}")).await?;
    let runs = with_names(&visit, &found["items"]).await;
    let of = match query.get("template") {
        Some(id) => visit.ask(&format!("/api/v1/templates/{}", part(id))).await.unwrap_or_default(),
        None => Value::Null,
    };
    let own = json!({ "runs": runs, "next_cursor": found["next_cursor"], "of_template": of });
    Ok(page(&visit, "invitations/runs.html").show(own))
}

async fn one(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    let run_id = id.as_str();
    let address = format!("/api/v1/invitation-runs/{}", part(&id));
    let query = Query::of(&visit.address);
    let guests = format!("{address}/guests?limit={GUESTS}&{}", query.only(&FILTERS));
    let causes = format!("{address}/causes");
    let (run, guests, causes) = join!(visit.get(&address), visit.ask(&guests), visit.ask(&causes));
    let mut run = run?;
    progress::add(&mut run, visit.console.clock.now());
    let (mut guests, fault) = match guests {
        Ok(guests) => (guests, None),
        // A wrong filter is shown beside an empty list.
        Err(refusal) if refusal.status.as_u16() == 422 => {
            (json!({ "items": [], "next_cursor": null }), Some(refusal.detail))
        }
        Err(refusal) => return Err(visit.stop(&refusal)),
    };
    for guest in guests["items"].as_array_mut().into_iter().flatten() {
        let own = guest["link"].as_str().and_then(own_picture);
        let id = guest["invitation_id"].as_str().unwrap_or_default();
        let here = format!("{}/runs/{}/guests/{}/invitation", visit.base(), part(run_id), part(id));
        let here = Some(here).filter(|_| guest["has_file"] == true);
        guest["picture"] = own.or_else(|| here.clone()).into();
        guest["thumb"] = here.into();
    }
    let causes = causes.unwrap_or_else(|_| json!({ "items": [] }));
    let cause = query.get("cause").unwrap_or_default();
    let state = query.get("state").unwrap_or(if cause.is_empty() { "" } else { "failed" });
    // What failed is read; what was made is looked at.
    let view = query.get("view").unwrap_or(if state == "failed" { "table" } else { "pictures" });
    let own = json!({ "run": run, "guests": guests["items"], "next_cursor": guests["next_cursor"], "state": state,
        "view": view, "fault": fault, "causes": causes["items"], "cause": cause,
        "search": query.get("search").unwrap_or_default() });
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

async fn pictures(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    passed(&visit, &format!("/api/v1/invitation-runs/{}/results.zip", part(&id))).await
}

/// The picture of a guest, in full or small.
async fn picture(visit: Visit, Path((_, id, guest)): Path<(String, String, String)>) -> Result<Response, Stop> {
    let width = Query::of(&visit.address).only(&["width"]);
    let path = format!("/api/v1/invitation-runs/{}/guests/{}/invitation?{width}", part(&id), part(&guest));
    passed(&visit, &path).await
}

/// Runs of a list with how far they are. Those at work are looked at, because the list does not say what they wait for.
pub(crate) async fn with_names(visit: &Visit, runs: &Value) -> Vec<Value> {
    let mut runs = runs.as_array().cloned().unwrap_or_default();
    let now = visit.console.clock.now();
    let mut asked = Vec::new();
    for run in &mut runs {
        progress::add(run, now);
        run["event"] = named(&run["event_name"]);
        run["template"] = named(&run["template_name"]);
        run["waits_for"] = json!([]);
        if run["is_live"] == true {
            asked.push(run["id"].as_str().unwrap_or_default().to_owned());
        }
    }
    let asks = asked.into_iter().map(|id| async move {
        let run = visit.ask(&format!("/api/v1/invitation-runs/{}", part(&id))).await.ok()?;
        Some((id, run["waits_for"].clone()))
    });
    let waits: HashMap<String, Value> =
        stream::iter(asks).buffer_unordered(AT_ONCE).filter_map(async |run| run).collect().await;
    for run in &mut runs {
        if let Some(waits) = run["id"].as_str().and_then(|id| waits.get(id)) {
            run["waits_for"] = waits.clone();
        }
    }
    runs
}

/// A name as one run has it, or nothing, if it is gone.
fn named(name: &Value) -> Value {
    name.as_str().map_or(Value::Null, |name| json!({ "name": name }))
}
