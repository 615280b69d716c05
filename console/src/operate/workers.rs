//! Workers: the processes of a fleet that do the jobs.

use axum::{Router, response::Response, routing::get};
use serde_json::json;

use crate::{
    Console,
    page::page,
    visit::{Stop, Visit},
};

pub(crate) fn routes() -> Router<Console> {
    Router::new().route("/w/{ws}/workers", get(list))
}

async fn list(visit: Visit) -> Result<Response, Stop> {
    let workers = visit.get("/api/v1/workers").await?;
    let items = || workers["items"].as_array().into_iter().flatten();
    let own = json!({
        "alive": items().filter(|worker| worker["alive"] == true).count(),
        "running": items().filter_map(|worker| worker["running"].as_i64()).sum::<i64>(),
        "workers": workers["items"],
    });
    Ok(page(&visit, "operate/workers.html").show(own))
}
