//! The layer around every request. It adds an id, a span in the log, a place in the counts, and the security headers
//! for browsers.
//!
//! Logs and labels name the route, never the path or the query, because those can contain tokens and names.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::Response,
};
use herald_base::telemetry::{
    Span,
    catalog::{HTTP_IN_PROGRESS, HTTP_REQUEST, HTTP_REQUESTS},
};
use herald_db::Db;
use tracing::Instrument;

use crate::{
    Api,
    front::{
        actor::{ClientAddress, RequestId},
        problem::Problem,
        rate_limits::client_address,
    },
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest request id that Herald accepts from a client.
const MAX_ID: usize = 64;

/// The headers of every answer that does not set them itself.
const CAREFUL: &[(HeaderName, &str)] = &[
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::CACHE_CONTROL, "no-store"),
];

/// The header value for an installation with TLS: one year, for this host alone.
const ONLY_TLS: &str = "max-age=31536000";

/// Wraps every request.
pub(crate) async fn observe(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id(&request, &api.db);
    let address = ClientAddress(client_address(&api.settings, request.headers(), request.extensions()));
    request.extensions_mut().insert(RequestId(id.clone()));
    // What a page asks of the API, or leaves to it, has the id of the page.
    if let Ok(value) = HeaderValue::from_str(&id) {
        request.headers_mut().insert(REQUEST_ID, value);
    }
    request.extensions_mut().insert(address);
    let method = method(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let trace = Span::request(format!("{method} {route}"), traceparent(&request), api.db.ids(), api.db.clock());
    let (trace_id, span_id) = (trace.context().trace_id(), trace.context().span_id());
    let span = tracing::info_span!("request", id, method, route, trace = trace_id, span = span_id);
    let in_progress = HTTP_IN_PROGRESS.hold([]);
    let response = trace.scope(next.run(request)).instrument(span.clone()).await;
    drop(in_progress);
    let _entered = span.enter();
    let mut response = finish(response, &id);
    let seconds = began.elapsed().as_secs_f64();
    let status = response.status().as_u16();
    if matches!(route.as_str(), "/healthz" | "/readyz" | "/metrics") && status < 400 {
        tracing::debug!(status, ms = seconds * 1_000.0, "answered");
    } else {
        tracing::info!(status, ms = seconds * 1_000.0, "answered");
    }
    trace.note("http.request.method", method);
    trace.note("http.route", &route);
    trace.note("http.response.status_code", status);
    if status >= 500 {
        trace.fail();
    }
    HTTP_REQUEST.record([method, &route], seconds);
    HTTP_REQUESTS.add([method, &route, &status.to_string()], 1);
    if api.settings.http.public_url.starts_with("https:") {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(ONLY_TLS));
    }
    for (name, value) in CAREFUL {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Logs a problem that has a cause, and adds the request's id to the answer.
fn finish(mut response: Response, id: &str) -> Response {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        if let Some(cause) = problem.cause() {
            tracing::error!(cause, "request failed");
        }
        let mut with_id = problem.respond(Some(id));
        // The headers that a lower layer added stay, such as Allow.
        for (name, value) in response.headers() {
            if *name != header::CONTENT_LENGTH && !with_id.headers().contains_key(name) {
                with_id.headers_mut().append(name.clone(), value.clone());
            }
        }
        response = with_id;
    }
    if let Ok(value) = HeaderValue::from_str(id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The trace of the client. A request with two such headers has no trace.
fn traceparent(request: &Request) -> Option<&str> {
    let mut sent = request.headers().get_all("traceparent").iter();
    let first = sent.next()?;
    sent.next().is_none().then(|| first.to_str().ok()).flatten()
}

/// The client's id if its characters are harmless, else a new id.
fn request_id(request: &Request, db: &Db) -> String {
    let sent = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    match sent.filter(|id| is_harmless(id)) {
        Some(id) => id.to_owned(),
        None => db.new_id().to_string(),
    }
}

fn is_harmless(id: &str) -> bool {
    (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// The method as a label. Clients can invent methods, but the number of labels must stay small.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
