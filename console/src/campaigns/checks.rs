//! The contacts whose messages have a fault, as a file.

use axum::{Router, extract::Path, response::Response, routing::get};

use crate::{
    Console,
    invitations::passed,
    query::part,
    visit::{Stop, Visit},
};

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/w/{ws}/campaigns/{id}/check.csv", get(contacts))
}

async fn contacts(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    passed(&visit, &format!("/api/v1/campaigns/{}/check/contacts.csv", part(&id))).await
}
