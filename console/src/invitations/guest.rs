//! One guest of a run: the invitation, the picture, and what mends them.

use axum::{Router, extract::Path, response::Response, routing::get};
use serde_json::json;

use super::{own_picture, passed, reason};
use crate::{
    Console,
    page::page,
    query::part,
    visit::{Stop, Visit},
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/w/{ws}/runs/{id}/guests/{guest}", get(one))
        .route("/w/{ws}/runs/{id}/guests/{guest}/picture", get(picture))
}

async fn one(visit: Visit, Path((_, id, guest)): Path<(String, String, String)>) -> Result<Response, Stop> {
    let run = visit.get(&format!("/api/v1/invitation-runs/{}", part(&id))).await?;
    let mut guest = visit.get(&format!("/api/v1/invitation-runs/{}/guests/{}", part(&id), part(&guest))).await?;
    guest["picture"] = guest["link"].as_str().and_then(own_picture).into();
    let advice = guest["reason"].as_str().map(reason::advice);
    let crop = match guest["crop"].is_object() {
        true => guest["crop"].clone(),
        // The middle of the upper part, where faces are.
        false => json!({ "left": 20, "top": 10, "side": 60 }),
    };
    let own = json!({ "run": run, "guest": guest, "advice": advice, "crop": crop });
    Ok(page(&visit, "invitations/guest.html").show(own))
}

/// The guest's picture as it was uploaded. It may be another one under the same address tomorrow, so it is not kept.
async fn picture(visit: Visit, Path((_, id, guest)): Path<(String, String, String)>) -> Result<Response, Stop> {
    passed(&visit, &format!("/api/v1/invitation-runs/{}/guests/{}/picture", part(&id), part(&guest))).await
}
