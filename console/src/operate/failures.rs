//! Failures: jobs that failed, by cause, the most frequent first.

use axum::{Router, response::Response, routing::get};
use serde_json::json;

use super::filter::Filter;
use crate::{
    Console,
    page::page,
    visit::{Stop, Visit},
};

pub(crate) fn routes() -> Router<Console> {
    Router::new().route("/w/{ws}/failures", get(failures))
}

async fn failures(visit: Visit) -> Result<Response, Stop> {
    let filter = Filter::of(&visit);
    let found = visit.ask(&format!("/api/v1/jobs/failures?{}", filter.query())).await;
    let (found, fault) = match found {
        Ok(found) => (found, None),
        Err(refusal) if refusal.status.as_u16() == 422 => (json!({ "items": [] }), Some(filter.fault(&refusal))),
        Err(refusal) => return Err(visit.stop(&refusal)),
    };
    let count = |name: &str| {
        let groups = found["items"].as_array().into_iter().flatten();
        groups.filter_map(|group| group[name].as_i64()).sum::<i64>()
    };
    let own = json!({
        "failures": found["items"],
        "dead": count("dead"),
        "retrying": count("retrying"),
        "filter": filter.typed(),
        "link": filter.link(),
        "fault": fault,
    });
    Ok(page(&visit, "operate/failures.html").show(own))
}
