//! The paths of the systems that Herald replaces, for front ends that were written for them: they need another address
//! and a token, and nothing else. What stands here translates. It goes through the same gate and the same rules as
//! `/api/v1`, and decides nothing.

mod assistant;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use utoipa_axum::router::OpenApiRouter;

use crate::{Api, front::problem::Problem};

/// The routes behind a token.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().nest("/compat/assistant", assistant::routes())
}

/// Gives refusals the form that the older system gave them.
pub(crate) async fn in_old_form(State(api): State<Api>, request: Request, next: Next) -> Response {
    let is_old = request.uri().path().starts_with(assistant::BELOW);
    let response = next.run(request).await;
    match response.extensions().get::<Problem>().filter(|_| is_old) {
        Some(problem) => problem.clone().in_old_form(api.db.now()).into_response(),
        None => response,
    }
}
