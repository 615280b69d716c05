//! What a run would do, before it starts: columns, rows that are left out, and the first guests as they are drawn.

use axum::{Router, extract::Path, response::Response, routing::get};
use serde_json::json;

use super::{kept, passed};
use crate::{
    Console,
    page::page,
    query::{Query, part},
    visit::{Stop, Visit},
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/w/{ws}/runs/checks/{id}", get(one))
        .route("/w/{ws}/runs/checks/{id}/samples/{number}", get(sample))
}

async fn one(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    visit.needs("checkRun")?;
    let check = visit.get(&format!("/api/v1/invitation-runs/checks/{}", part(&id))).await?;
    Ok(page(&visit, "invitations/check.html").show(json!({ "check": check })))
}

/// A guest as the template draws them.
async fn sample(visit: Visit, Path((_, id, number)): Path<(String, String, String)>) -> Result<Response, Stop> {
    let query = Query::of(&visit.address).only(&["width"]);
    let path = format!("/api/v1/invitation-runs/checks/{}/samples/{}?{query}", part(&id), part(&number));
    Ok(kept(passed(&visit, &path).await?))
}
