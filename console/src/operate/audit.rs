//! The audit log: who did what, when, and whether the log is as it was written.

use axum::{Router, response::Response, routing::get};
use serde_json::{Value, json};

use super::{actors, filter::Filter};
use crate::{
    Console,
    page::page,
    query::Query,
    saved_views,
    visit::{Stop, Visit},
};

/// What the log can be narrowed by.
const FILTERS: &[&str] = &["action", "who", "at_after", "at_before"];

pub(crate) fn routes() -> Router<Console> {
    Router::new()
        .route("/w/{ws}/audit", get(list))
        .route("/w/{ws}/audit/verify", get(verify))
        .route("/w/{ws}/audit/export.csv", get(export))
}

async fn list(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address);
    let filter = Filter::by(&visit, FILTERS);
    let path = format!("/api/v1/audit?{}&{}", filter.query(), query.only(&["cursor"]));
    let (mut log, fault) = filter.list(&visit, &path).await?;
    let people = actors::people(&visit).await;
    for row in log["items"].as_array_mut().into_iter().flatten() {
        row["name"] = actors::name(row["who"].as_str().unwrap_or_default(), &people).into();
    }
    let own = json!({
        "views": saved_views::of(&visit, "audit").await,
        "rows": log["items"],
        "next_cursor": log["next_cursor"],
        "who_name": query.get("who").map(|who| actors::name(who, &people)),
        "people": people,
        "filter": filter.typed(),
        "fault": fault,
    });
    Ok(page(&visit, "operate/audit.html").show(own))
}

async fn verify(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address);
    let found = visit.ask(&format!("/api/v1/audit/verify?{}", query.only(&["checkpoint"]))).await;
    let (found, fault) = match found {
        Ok(found) => (found, None),
        // A text that is not a checkpoint is shown beside its field.
        Err(refusal) if refusal.status.as_u16() == 422 => (Value::Null, Some(refusal.detail)),
        Err(refusal) => return Err(visit.stop(&refusal)),
    };
    let own = json!({ "found": found, "fault": fault, "checkpoint": query.get("checkpoint") });
    Ok(page(&visit, "operate/audit_verify.html").show(own))
}

/// The whole log as a table.
async fn export(visit: Visit) -> Response {
    visit.raw("/api/v1/audit/export.csv").await
}
