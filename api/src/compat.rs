//! The paths of the systems that Herald replaces, for front ends that were written for them: they need another address
//! and a token, and nothing else. What stands here translates. It goes through the same gate and the same rules as
//! `/api/v1`, and decides nothing.

mod assistant;
mod marketing;

use std::collections::BTreeMap;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    Api,
    front::problem::{OldForm, Problem},
};

/// Values as contacts have them: a text is itself, everything else its JSON.
fn texts(values: BTreeMap<String, Value>) -> BTreeMap<String, String> {
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    values.into_iter().map(|(name, value)| (name, text(value))).collect()
}

/// The routes behind a token.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .nest("/compat/assistant", assistant::routes())
        .nest("/compat/marketing/api", marketing::routes())
}

/// The routes behind a token that accept lists.
pub(crate) fn upload_routes(api: &Api) -> OpenApiRouter<Api> {
    OpenApiRouter::new().nest("/compat/marketing/api", marketing::upload_routes(api))
}

/// Gives refusals the form that the older system gave them.
pub(crate) async fn in_old_form(State(api): State<Api>, request: Request, next: Next) -> Response {
    let form = OldForm::of(request.uri().path(), api.db.now());
    let response = next.run(request).await;
    match form.zip(response.extensions().get::<Problem>()) {
        Some((form, problem)) => problem.clone().in_old_form(form).into_response(),
        None => response,
    }
}
