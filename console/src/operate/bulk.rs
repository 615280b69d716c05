//! Acts on many jobs: a page that counts them first, shows some of them, and asks.
//!
//! The form carries the filter as it was counted, with exact times. So the act finds the jobs that the person saw, and
//! not those of the moment in which they press the button.

use axum::{Router, extract::Path, http::StatusCode, response::Response, routing::get};
use futures::future::join_all;
use serde_json::{Value, json};

use super::filter::Filter;
use crate::{
    Console,
    api::Refusal,
    page::page,
    query::part,
    visit::{Stop, Visit},
};

/// Example jobs on the page.
const SHOWN: usize = 5;

pub(crate) fn routes() -> Router<Console> {
    Router::new().route("/w/{ws}/jobs/act/{act}", get(ask))
}

async fn ask(visit: Visit, Path((_, act)): Path<(String, String)>) -> Result<Response, Stop> {
    visit.needs("actOnJobs")?;
    if !["retry", "cancel", "delete"].contains(&act.as_str()) {
        return Err(visit.stop(&Refusal::of(StatusCode::NOT_FOUND, "jobs can be retried, cancelled and deleted")));
    }
    let filter = Filter::of(&visit);
    let (found, fault) = match count(&visit, &act, &filter).await {
        Ok(found) => (found, None),
        Err(refusal) if refusal.status == StatusCode::UNPROCESSABLE_ENTITY => {
            (json!({ "count": 0, "sample": [] }), Some(filter.fault(&refusal)))
        }
        Err(refusal) => return Err(visit.stop(&refusal)),
    };
    let own = json!({
        "act": act,
        "count": found["count"],
        "sample": sample(&visit, &found["sample"]).await,
        "meant": filter.meant(),
        "link": filter.link(),
        "fault": fault,
    });
    Ok(page(&visit, "operate/bulk.html").show(own))
}

/// The jobs that the act would change.
async fn count(visit: &Visit, act: &str, filter: &Filter) -> Result<Value, Refusal> {
    if filter.is_empty() {
        let detail = "this would be every job: give a filter in the list of jobs first";
        return Err(Refusal::of(StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    visit.ask(&format!("/api/v1/jobs/act/{}?limit={SHOWN}&{}", part(act), filter.query())).await
}

/// The newest of them. One that ended its life meanwhile is left out.
async fn sample(visit: &Visit, ids: &Value) -> Vec<Value> {
    let ids = ids.as_array().into_iter().flatten().filter_map(Value::as_str);
    let asks = ids.map(async |id| visit.ask(&format!("/api/v1/jobs/{}", part(id))).await);
    join_all(asks).await.into_iter().flatten().collect()
}
