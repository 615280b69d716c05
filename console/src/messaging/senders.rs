//! Senders: the list, one with its test, and the form.

use axum::{Router, extract::Path, response::Response, routing::get};
use serde_json::{Value, json};

use crate::{
    Console,
    form::NEW,
    page::page,
    query::part,
    visit::{Stop, Visit},
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/w/{ws}/senders", get(list))
        .route("/w/{ws}/senders/new", get(new))
        .route("/w/{ws}/senders/{id}", get(one))
        .route("/w/{ws}/senders/{id}/edit", get(edit))
        .route("/w/{ws}/senders/{id}/tests/{job}", get(tested))
}

fn address(id: &str) -> String {
    format!("/api/v1/senders/{}", part(id))
}

/// The mail servers of the workspace and its accounts for WhatsApp, by which senders may send.
async fn servers(visit: &Visit) -> Value {
    let found = visit.ask("/api/v1/connections").await.unwrap_or_else(|_| json!({ "items": [] }));
    let is_server = |one: &&Value| ["smtp", "twilio", "meta"].iter().any(|kind| one["settings"]["provider"] == *kind);
    found["items"].as_array().into_iter().flatten().filter(is_server).cloned().collect()
}

async fn list(visit: Visit) -> Result<Response, Stop> {
    let found = visit.get("/api/v1/senders").await?;
    let own = json!({ "senders": found["items"], "servers": servers(&visit).await });
    Ok(page(&visit, "messaging/senders.html").show(own))
}

async fn one(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    let sender = visit.get(&address(&id)).await?;
    Ok(page(&visit, "messaging/sender.html").show(json!({ "sender": sender, "servers": servers(&visit).await })))
}

async fn new(visit: Visit) -> Result<Response, Stop> {
    visit.needs("createSender")?;
    let own = json!({ "sender": null, "version": NEW, "servers": servers(&visit).await });
    Ok(page(&visit, "messaging/sender_form.html").show(own))
}

async fn edit(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    visit.needs("changeSender")?;
    let (sender, version) = visit.versioned(&address(&id)).await?;
    let own = json!({ "sender": sender, "version": version, "servers": servers(&visit).await });
    Ok(page(&visit, "messaging/sender_form.html").show(own))
}

/// What became of the mail of a test.
async fn tested(visit: Visit, Path((_, id, job)): Path<(String, String, String)>) -> Result<Response, Stop> {
    let sender = visit.get(&address(&id)).await?;
    let job = visit.get(&format!("/api/v1/jobs/{}", part(&job))).await?;
    let findings = job["result"]["findings"].clone();
    Ok(page(&visit, "messaging/sender_tested.html").show(json!({ "sender": sender, "job": job, "findings": findings })))
}
