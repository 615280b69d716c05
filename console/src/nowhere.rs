//! Paths at which there is nothing: a browser gets a page that says so, every other client the API's own answer.

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
    routing::any,
};

use crate::{
    Console,
    api::{Caller, Refusal},
    guard, page, picture,
    visit::{Missing, Visit},
};

pub(crate) fn routes() -> Router<Console> {
    Router::new().route("/{*nowhere}", any(answer))
}

async fn answer(State(console): State<Console>, request: Request) -> Response {
    let is_looked_at = matches!(*request.method(), Method::GET | Method::HEAD) && wants_page(request.headers());
    if !is_looked_at || request.uri().path().starts_with("/api/") {
        let (parts, body) = request.into_parts();
        let mut onward = Request::new(body);
        *onward.extensions_mut() = Caller::of(&parts.headers, &parts.extensions).extensions();
        (*onward.method_mut(), *onward.uri_mut(), *onward.headers_mut()) = (parts.method, parts.uri, parts.headers);
        return console.api.pass(onward).await;
    }
    guard::careful(nothing(&console, request).await)
}

/// The page of a path that leads nowhere, for a person with a session or without.
async fn nothing(console: &Console, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let detail = "the address leads nowhere: it may be misspelt, or what it led to is gone";
    let refusal = Refusal::of(StatusCode::NOT_FOUND, detail);
    match Visit::of(&mut parts, console).await {
        Ok(visit) => visit.stop(&refusal).into_response(),
        Err(Missing::Session) => page::alone(console, &refusal),
        Err(Missing::Page(stop)) => stop.into_response(),
    }
}

/// Whether the client asks for a page, and is no picture of one.
fn wants_page(headers: &HeaderMap) -> bool {
    picture::accepts(headers, "text/html") && !picture::is_asked(headers)
}
