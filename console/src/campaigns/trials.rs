//! Tests of a campaign: whose mail goes to whom, and what became of it.

use axum::{Router, extract::Path, response::Response, routing::get};
use serde_json::json;

use crate::{
    Console,
    messaging::readers,
    page::page,
    query::{Query, part},
    visit::{Stop, Visit},
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/w/{ws}/campaigns/{id}/test", get(test))
        .route("/w/{ws}/campaigns/{id}/tests/{job}", get(tested))
}

async fn test(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    visit.needs("testCampaign")?;
    let campaign = visit.get(&format!("/api/v1/campaigns/{}", part(&id))).await?;
    let query = Query::of(&visit.address);
    let own = json!({ "campaign": campaign, "q": query.get("q").unwrap_or_default(),
        "contacts": readers(&visit, query.get("q"), query.get("contact")).await,
        "contact": query.get("contact").unwrap_or_default() });
    Ok(page(&visit, "campaigns/test.html").show(own))
}

async fn tested(visit: Visit, Path((_, id, job)): Path<(String, String, String)>) -> Result<Response, Stop> {
    let campaign = visit.get(&format!("/api/v1/campaigns/{}", part(&id))).await?;
    let job = visit.get(&format!("/api/v1/jobs/{}", part(&job))).await?;
    let findings = job["result"]["findings"].clone();
    let own = json!({ "campaign": campaign, "job": job, "findings": findings });
    Ok(page(&visit, "campaigns/tested.html").show(own))
}
