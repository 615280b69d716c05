//! `/account`: the person's own profile and workspaces, how they sign in, and where they are signed in.

mod device;

use axum::{Router, response::Response, routing::get};
use serde_json::json;

use crate::{
    Console,
    page::page,
    visit::{Stop, Visit},
};

pub(crate) fn routes() -> Router<Console> {
    Router::new().route("/account", get(profile)).route("/account/security", get(security))
}

async fn profile(visit: Visit) -> Result<Response, Stop> {
    let (me, version) = visit.versioned("/api/v1/me").await?;
    let zones: Vec<&str> =
        chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()).filter(|name| is_place(name)).collect();
    Ok(page(&visit, "account/profile.html").show(json!({ "me": me, "version": version, "zones": zones })))
}

async fn security(visit: Visit) -> Result<Response, Stop> {
    let mut found = visit.get("/api/v1/me/sessions").await?;
    for session in found["items"].as_array_mut().into_iter().flatten() {
        session["device"] = device::name(session["agent"].as_str().unwrap_or_default()).into();
    }
    Ok(page(&visit, "account/security.html").show(json!({ "sessions": found["items"] })))
}

/// Whether a zone is named after a place, as people look for it, and not by an old abbreviation.
fn is_place(zone: &str) -> bool {
    zone == "UTC" || (zone.contains('/') && !zone.starts_with("Etc/") && !zone.starts_with("US/"))
}
