//! Contacts: the list, one contact with its timeline, and the forms; and the tags.

use axum::{Router, extract::Path, response::Response, routing::get};
use serde_json::{Value, json};

use crate::{
    Console,
    form::NEW,
    page::page,
    query::{Query, part},
    saved_views,
    visit::{Stop, Visit},
};

/// What the address of the list says.
const FILTERS: [&str; 7] = ["search", "tag", "segment", "country", "locale", "trashed", "cursor"];

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/w/{ws}/contacts", get(list))
        .route("/w/{ws}/contacts/new", get(new))
        .route("/w/{ws}/contacts/{id}", get(one))
        .route("/w/{ws}/contacts/{id}/edit", get(edit))
        .route("/w/{ws}/tags", get(tags))
}

async fn list(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address);
    let asked = query.only(&FILTERS);
    let (found, fault) = match visit.ask(&format!("/api/v1/contacts?{asked}")).await {
        Ok(found) => (found, None),
        // A wrong filter is shown beside an empty list.
        Err(refusal) if refusal.status.as_u16() == 422 => {
            (json!({ "items": [], "next_cursor": null }), Some(refusal.detail))
        }
        Err(refusal) => return Err(visit.stop(&refusal)),
    };
    let tags = visit.get("/api/v1/tags?limit=200").await?;
    let segments = visit.get("/api/v1/segments").await?;
    let asked: Value =
        FILTERS.iter().map(|name| ((*name).to_owned(), Value::from(query.get(name).unwrap_or_default()))).collect();
    let views = saved_views::of(&visit, "contacts").await;
    let own = json!({ "views": views, "contacts": found["items"], "next_cursor": found["next_cursor"], "fault": fault,
        "tags": tags["items"], "segments": segments["items"], "asked": asked });
    Ok(page(&visit, "contacts/contacts.html").show(own))
}

async fn new(visit: Visit) -> Result<Response, Stop> {
    visit.needs("createContact")?;
    let own = json!({ "contact": { "tags": [], "fields": {} }, "version": NEW });
    Ok(page(&visit, "contacts/form.html").show(own))
}

async fn one(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    let address = format!("/api/v1/contacts/{}", part(&id));
    let contact = visit.get(&address).await?;
    let query = Query::of(&visit.address).only(&["cursor"]);
    let activities = visit.get(&format!("{address}/activities?limit=25&{query}")).await?;
    let consents = visit.get(&format!("{address}/consents")).await?;
    let own = json!({ "contact": contact, "activities": activities["items"], "next_cursor": activities["next_cursor"],
        "consents": consents["items"] });
    Ok(page(&visit, "contacts/contact.html").show(own))
}

async fn edit(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    visit.needs("changeContact")?;
    let (contact, version) = visit.versioned(&format!("/api/v1/contacts/{}", part(&id))).await?;
    Ok(page(&visit, "contacts/form.html").show(json!({ "contact": contact, "version": version })))
}

async fn tags(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address).only(&["cursor"]);
    let found = visit.get(&format!("/api/v1/tags?{query}")).await?;
    let own = json!({ "tags": found["items"], "next_cursor": found["next_cursor"] });
    Ok(page(&visit, "contacts/tags.html").show(own))
}
