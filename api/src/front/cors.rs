//! Pages of other origins (CORS). `http.cors_origins` names the origins whose scripts may read answers. Their scripts
//! send the token in a header. Herald uses no cookies.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use herald_app::config::Settings;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::front::idempotency;

/// How long a browser remembers the answer to a preflight request.
const REMEMBERED: Duration = Duration::from_secs(600);
const PREFER: HeaderName = HeaderName::from_static("prefer");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const NOTES: HeaderName = HeaderName::from_static("herald-notes");

/// The layer, if any origin is allowed.
pub(crate) fn layer(settings: &Settings) -> Option<CorsLayer> {
    let origins: Vec<HeaderValue> =
        settings.http.cors_origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    if origins.is_empty() {
        return None;
    }
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            idempotency::KEY,
            PREFER,
            REQUEST_ID,
            TRACEPARENT,
        ])
        .expose_headers([header::ETAG, header::LOCATION, header::RETRY_AFTER, idempotency::REPLAYED, NOTES, REQUEST_ID])
        .max_age(REMEMBERED);
    Some(layer)
}
