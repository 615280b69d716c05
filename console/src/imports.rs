//! Imports: the list, the form that uploads one, and one import from its check to its end. And exports, which are lists
//! as files.

use axum::{Router, extract::Path, response::Response, routing::get};
use serde_json::json;

use crate::{
    Console,
    invitations::passed,
    page::page,
    query::{Query, part},
    visit::{Stop, Visit},
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/w/{ws}/imports", get(list))
        .route("/w/{ws}/imports/new", get(new))
        .route("/w/{ws}/imports/{id}", get(one))
        .route("/w/{ws}/imports/{id}/refused.csv", get(refused))
        .route("/w/{ws}/exports", get(exports))
        .route("/w/{ws}/exports/{id}/file", get(exported))
}

async fn list(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address);
    let asked = json!({ "what": query.get("what") });
    let query = query.only(&["what", "cursor"]);
    let found = visit.get(&format!("/api/v1/imports?{query}")).await?;
    let own = json!({ "imports": found["items"], "next_cursor": found["next_cursor"], "asked": asked });
    Ok(page(&visit, "contacts/imports.html").show(own))
}

async fn new(visit: Visit) -> Result<Response, Stop> {
    visit.needs("createImport")?;
    let query = Query::of(&visit.address);
    let what = query.get("what").filter(|what| *what == "leads").unwrap_or("contacts");
    Ok(page(&visit, "contacts/import_new.html").show(json!({ "what": what })))
}

async fn one(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    let import = visit.get(&format!("/api/v1/imports/{}", part(&id))).await?;
    let now = visit.console.clock.now();
    Ok(page(&visit, "contacts/import.html").show(json!({ "it": import, "now": now })))
}

async fn refused(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    passed(&visit, &format!("/api/v1/imports/{}/refused.csv", part(&id))).await
}

async fn exports(visit: Visit) -> Result<Response, Stop> {
    let query = Query::of(&visit.address).only(&["cursor"]);
    let found = visit.get(&format!("/api/v1/exports?{query}")).await?;
    let own = json!({ "exports": found["items"], "next_cursor": found["next_cursor"] });
    Ok(page(&visit, "contacts/exports.html").show(own))
}

async fn exported(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    passed(&visit, &format!("/api/v1/exports/{}/file", part(&id))).await
}
