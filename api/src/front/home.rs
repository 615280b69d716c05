//! `/`: the home page of the installation. `/problems`: the meaning of the problem types.

use axum::{
    extract::State,
    http::header,
    response::{Html, IntoResponse},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::Api;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(home)).routes(routes!(problems))
}

/// Returns the home page of this installation.
#[utoipa::path(get, path = "/about", operation_id = "getHome", tag = "public",
    responses(
        (status = 200, description = "A page", content_type = "text/html", body = String),
    )
)]
async fn home(State(api): State<Api>) -> impl IntoResponse {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    (
        [(header::CONTENT_SECURITY_POLICY, policy)],
        Html(include_str!("home.html").replace("{doors}", api.settings.people.doors())),
    )
}

/// Describes the problem types.
#[utoipa::path(get, path = "/problems", operation_id = "getProblems", tag = "public",
    responses(
        (status = 200, description = "The problem types, in Markdown", content_type = "text/plain", body = String),
    )
)]
async fn problems() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], include_str!("../../../docs/problems.md"))
}
