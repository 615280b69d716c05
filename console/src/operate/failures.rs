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
    let (found, fault) = filter.list(&visit, &format!("/api/v1/jobs/failures?{}", filter.query())).await?;
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
