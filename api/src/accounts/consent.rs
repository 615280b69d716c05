//! `/authorize` and `/oauth2callback`: the redirects of a person to Google and back. These routes are open, because a
//! browser has no token. The `state` identifies the consent request. Nobody can guess it, and it works once.
//!
//! This is the only place where a request calls a provider. The person waits for the result, and the code from Google
//! is valid for minutes only.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use herald_accounts::consent::{self, ConsentError};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Api,
    accounts::connections::CALLBACK,
    front::{input::Parameters, notice::notice, problem::Problem},
};

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(authorize)).routes(routes!(callback))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Begin {
    /// The token of the consent request.
    state: String,
}

/// Redirects a person to Google for consent.
#[utoipa::path(get, path = "/authorize", operation_id = "beginConsent", tag = "public",
    params(Begin),
    responses(
        (status = 303, description = "A redirect to Google", headers(("location" = String,
            description = "The address at Google"))),
        (status = 404, description = "A page: the consent request has expired or was used", content_type = "text/html",
            body = String),
    )
)]
async fn authorize(State(api): State<Api>, Parameters(asked): Parameters<Begin>) -> Result<Response, Problem> {
    match consent::authorize_url(&api.db, &api.accounts, &asked.state).await {
        Ok(url) => Ok(private(Redirect::to(&url).into_response())),
        Err(error @ ConsentError::Unknown) => {
            Ok(page(StatusCode::NOT_FOUND, "This link no longer works", &error.to_string()))
        }
        Err(error) => Err(Problem::internal(&error)),
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Back {
    /// The token of the consent request.
    #[serde(default)]
    state: String,
    /// The authorization code from Google, if the person consented.
    #[param(value_type = Option<String>)]
    code: Option<secrecy::SecretString>,
    /// The error code from Google, if the person did not consent.
    error: Option<String>,
}

/// Receives a person who returns from Google after the consent.
#[utoipa::path(get, path = CALLBACK, operation_id = "takeConsent", tag = "public",
    params(Back),
    responses(
        (status = 200, description = "A page: Google is connected", content_type = "text/html", body = String),
        (status = 400, description = "A page: the person did not consent, or Google reported an error",
            content_type = "text/html", body = String),
        (status = 404, description = "A page: the consent request has expired or was used", content_type = "text/html",
            body = String),
        (status = 500, description = "A page: Herald could not store the consent", content_type = "text/html",
            body = String),
        (status = 502, description = "A page: Google refused the consent", content_type = "text/html", body = String),
    )
)]
async fn callback(State(api): State<Api>, Parameters(back): Parameters<Back>) -> Response {
    let Some(code) = back.code else {
        let said = back.error.unwrap_or_default();
        let text = match said.as_str() {
            "access_denied" => "You did not consent, and Herald changed nothing. If you want \
                                to connect Google, begin again."
                .to_owned(),
            _ => "Google did not confirm your consent. Begin again.".to_owned(),
        };
        return page(StatusCode::BAD_REQUEST, "Google is not connected", &text);
    };
    match consent::take(&api.db, &api.accounts, &back.state, code).await {
        Ok(connection) => {
            tracing::info!(connection = %connection.name, "a person consented");
            page(
                StatusCode::OK,
                "Google is connected",
                "Herald now continues the jobs that waited for this connection. You can close this page.",
            )
        }
        Err(error @ ConsentError::Unknown) => {
            page(StatusCode::NOT_FOUND, "Google is not connected", &error.to_string())
        }
        Err(error @ ConsentError::Refused(_)) => {
            page(StatusCode::BAD_GATEWAY, "Google is not connected", &error.to_string())
        }
        Err(error) => {
            tracing::error!(%error, "a consent could not be kept");
            page(
                StatusCode::INTERNAL_SERVER_ERROR,
                "Google is not connected",
                "Herald could not store your consent. Begin again.",
            )
        }
    }
}

fn page(status: StatusCode, title: &str, text: &str) -> Response {
    private(notice(status, title, text))
}

/// Keeps caches from storing the response, and browsers from sending its address to other sites. The address contains a
/// secret.
fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
