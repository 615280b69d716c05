//! `/`: what this is. `/problems`: what the problem types mean.

use axum::{
    Router,
    http::header,
    response::{Html, IntoResponse},
    routing::get,
};

use crate::Api;

pub(crate) fn routes() -> Router<Api> {
    Router::new().route("/", get(home)).route("/problems", get(problems))
}

async fn home() -> impl IntoResponse {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(include_str!("home.html")))
}

async fn problems() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], include_str!("../../docs/problems.md"))
}
