//! Jobs: found by what is known of them, and one job's life.

use axum::{Router, extract::Path, response::Response, routing::get};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::filter::Filter;
use crate::{
    Console,
    page::page,
    query::{Query, part},
    saved_views,
    visit::{Stop, Visit},
};

pub(crate) fn routes() -> Router<Console> {
    Router::new()
        .route("/w/{ws}/jobs", get(list))
        .route("/w/{ws}/jobs/{id}", get(one))
        .route("/w/{ws}/jobs/{id}/events", get(events))
}

/// How many jobs the first page of a filter without an index looks through. A person who wants to see older ones says
/// so, and each time [`FURTHER`] times as many are looked through.
const WITHIN: usize = 4_000;
const FURTHER: usize = 8;
/// The number of jobs on a page, as the API has it.
const PAGE: usize = 50;

async fn list(visit: Visit) -> Result<Response, Stop> {
    let filter = Filter::of(&visit);
    let query = Query::of(&visit.address);
    let within = query.get("within").and_then(|typed| typed.parse().ok()).unwrap_or(WITHIN).clamp(1, 10_000_000);
    let path = format!("/api/v1/jobs?{}&{}&within={within}", filter.query(), query.only(&["cursor"]));
    let (jobs, fault) = filter.list(&visit, &path).await?;
    let (found, next_cursor) = (jobs["items"].as_array().map_or(0, Vec::len), &jobs["next_cursor"]);
    let own = json!({
        "views": saved_views::of(&visit, "jobs").await,
        "jobs": jobs["items"],
        "next_cursor": next_cursor,
        // A page that is not full, and not the last.
        "looked_through": (found < PAGE && !next_cursor.is_null()).then_some(within),
        "further": within.saturating_mul(FURTHER),
        "filter": filter.typed(),
        "link": filter.link(),
        "fault": fault,
        "cause": cause(&visit, &filter).await,
    });
    Ok(page(&visit, "operate/jobs.html").show(own))
}

/// What the cause in the filter says, as far as a job still has it.
async fn cause(visit: &Visit, filter: &Filter) -> Option<String> {
    let fingerprint = filter.typed().get("fingerprint")?;
    let path = format!("/api/v1/jobs/failures?limit=1&fingerprint={}", part(fingerprint));
    let found = visit.ask(&path).await.ok()?;
    found["items"][0]["pattern"].as_str().map(str::to_owned)
}

async fn one(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    let job = visit.get(&format!("/api/v1/jobs/{}", part(&id))).await?;
    let own = json!({
        "waited": seconds_between(&job["run_at"], &job["started_at"]),
        "ran": seconds_between(&job["started_at"], &job["finished_at"]),
        "job": job,
    });
    Ok(page(&visit, "operate/job.html").show(own))
}

/// The seconds from one time to another, if both are known.
fn seconds_between(from: &Value, to: &Value) -> Option<f64> {
    let time = |value: &Value| value.as_str()?.parse::<DateTime<Utc>>().ok();
    let passed = time(to)? - time(from)?;
    // A retry is due after the start of the attempt before it.
    (passed.num_milliseconds() >= 0).then(|| passed.num_milliseconds() as f64 / 1_000.0)
}

/// The changes of a job, as they happen.
async fn events(visit: Visit, Path((_, id)): Path<(String, String)>) -> Response {
    visit.raw(&format!("/api/v1/jobs/{}/events", part(&id))).await
}
