//! `/join-workspace/{token}`, where the link of an invitation leads, and `/welcome`, where one is pasted.
//!
//! A person with a session joins with one click. Anybody else signs in or registers on the page itself, so that the
//! token goes from one page to the next in forms, and stands in no address but that of the link.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde_json::json;

use super::token_of;
use crate::{
    Console,
    api::Refusal,
    cookie::Cookie,
    form::{Filled, Form},
    page,
    query::part,
    visit::{Missing, Visit},
};

/// How long the greeting waits for its page.
const NOTICE_SECONDS: u64 = 60;

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/welcome", get(welcome))
        .route("/join-workspace", post(join))
        .route("/join-workspace/{token}", get(show))
}

/// A person who wants into a workspace, or one of their own.
async fn welcome(visit: Visit) -> Response {
    page::page(&visit, "welcome.html").show(json!({ "invitation": "" }))
}

async fn show(State(console): State<Console>, Path(token): Path<String>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let visit = Visit::of(&mut parts, &console).await;
    page_of(&console, visit, &token)
}

/// The page of an invitation, for a person with a session or without.
fn page_of(console: &Console, visit: Result<Visit, Missing>, token: &str) -> Response {
    let mut response = match visit {
        Ok(visit) => page::page(&visit, "doors/join.html").show(json!({ "invitation": token })),
        Err(Missing::Session) => {
            let then = format!("/join-workspace/{}", part(token));
            let own = json!({ "invitation": token, "then": then, "filled": Filled::default() });
            page::open(console, "doors/invited.html", StatusCode::OK, own)
        }
        Err(Missing::Page(stop)) => stop.into_response(),
    };
    response.headers_mut().insert("x-robots-tag", HeaderValue::from_static("noindex"));
    response
}

/// Joins with a pasted link or token.
async fn join(State(console): State<Console>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let visit = Visit::of(&mut parts, &console).await;
    let form = match Form::read(Request::from_parts(parts, body)).await {
        Ok(form) => form,
        Err(refusal) => return page::alone(&console, &refusal),
    };
    let token = token_of(form.get("token").unwrap_or_default());
    let mut visit = match visit {
        Ok(visit) if visit.trusts(&form) => visit,
        // The form is of an earlier session: the person looks at it once more.
        visit => return page_of(&console, visit, token),
    };
    match accept(&visit, token).await {
        Ok(response) => response,
        Err(refusal) => {
            visit.filled = Arc::new(Filled::refused("joinWorkspace", &form, &refusal));
            page::page(&visit, "welcome.html").status(refusal.status).show(json!({ "invitation": "" }))
        }
    }
}

async fn accept(visit: &Visit, token: &str) -> Result<Response, Refusal> {
    let console = &visit.console;
    let body = json!({ "token": token });
    let joined = console.api.call(&visit.caller, Method::POST, "/api/v1/workspaces/join", &[], Some(&body)).await?.body;
    let text = |name: &str| joined[name].as_str().unwrap_or_default();
    let mut response = Redirect::to(&format!("/w/{}", text("slug"))).into_response();
    let greeting = format!("You joined {} as {}.", text("name"), text("role"));
    response.headers_mut().append(header::SET_COOKIE, Cookie::Notice.set(&greeting, NOTICE_SECONDS, console.is_secure));
    Ok(response)
}
