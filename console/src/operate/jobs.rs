//! Jobs: found by what is known of them, failures by cause, and one job's life.

use std::collections::BTreeMap;

use axum::{Router, extract::Path, response::Response, routing::get};
use serde_json::json;

use crate::{
    Console,
    page::page,
    query::Query,
    visit::{Stop, Visit},
};

/// What the list can be narrowed by.
const FILTERS: &[&str] = &[
    "kind",
    "state",
    "queue",
    "batch",
    "arg",
    "fingerprint",
    "created_after",
    "created_before",
    "finished_after",
    "finished_before",
    "cursor",
];

pub(crate) fn routes() -> Router<Console> {
    Router::new()
        .route("/w/{ws}/jobs", get(list))
        .route("/w/{ws}/jobs/{id}", get(one))
        .route("/w/{ws}/jobs/{id}/events", get(events))
        .route("/w/{ws}/failures", get(failures))
}

async fn list(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address);
    let jobs = visit.ask(&format!("/api/v1/jobs?{}", query.only(FILTERS))).await;
    let (jobs, fault) = match jobs {
        Ok(jobs) => (jobs, None),
        // A wrong filter is shown beside its field, with an empty list.
        Err(refusal) if refusal.status.as_u16() == 422 => {
            (json!({ "items": [], "next_cursor": null }), Some(refusal.detail))
        }
        Err(refusal) => return Err(visit.stop(&refusal)),
    };
    let filter: BTreeMap<&str, &str> = FILTERS.iter().filter_map(|name| Some((*name, query.get(name)?))).collect();
    let own = json!({ "jobs": jobs["items"], "next_cursor": jobs["next_cursor"], "filter": filter, "fault": fault });
    Ok(page(&visit, "operate/jobs.html").show(own))
}

async fn one(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    let job = visit.get(&format!("/api/v1/jobs/{}", crate::query::part(&id))).await?;
    Ok(page(&visit, "operate/job.html").show(json!({ "job": job })))
}

/// The changes of a job, as they happen.
async fn events(visit: Visit, Path((_, id)): Path<(String, String)>) -> Response {
    visit.raw(&format!("/api/v1/jobs/{}/events", crate::query::part(&id))).await
}

async fn failures(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address);
    let found = visit.get(&format!("/api/v1/jobs/failures?{}", query.only(FILTERS))).await?;
    let own = json!({ "failures": found["items"], "state": query.get("state") });
    Ok(page(&visit, "operate/failures.html").show(own))
}
