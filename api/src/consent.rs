//! `/authorize` and `/oauth2callback`: a person on their way to Google and back. Open, because a browser has no token: the `state`, which nobody can
//! guess and which works once, says for whom it is.
//!
//! The one place where a request calls a provider: the person waits to hear whether Google is connected, and the code they bring lives minutes.

use axum::{
    Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use herald_shared::connections::consent::{self, ConsentError};
use serde::Deserialize;

use crate::{Api, connections::CALLBACK, input::Parameters, problem::Problem};

pub(crate) fn routes() -> Router<Api> {
    Router::new().route("/authorize", get(authorize)).route(CALLBACK, get(callback))
}

#[derive(Deserialize)]
struct Begin {
    state: String,
}

async fn authorize(State(api): State<Api>, Parameters(asked): Parameters<Begin>) -> Result<Response, Problem> {
    match consent::authorize_url(&api.db, &api.accounts, &asked.state).await {
        Ok(url) => Ok(private(Redirect::to(&url).into_response())),
        Err(error @ ConsentError::Unknown) => {
            Ok(page(StatusCode::NOT_FOUND, "This does not work any more", &error.to_string()))
        }
        Err(error) => Err(Problem::internal(&error)),
    }
}

#[derive(Deserialize)]
struct Back {
    #[serde(default)]
    state: String,
    code: Option<secrecy::SecretString>,
    error: Option<String>,
}

async fn callback(State(api): State<Api>, Parameters(back): Parameters<Back>) -> Response {
    let Some(code) = back.code else {
        let said = back.error.unwrap_or_default();
        let text = match said.as_str() {
            "access_denied" => {
                "You did not consent. Nothing was changed; begin again if that was not meant.".to_owned()
            }
            _ => "Google did not say that you consented. Begin again.".to_owned(),
        };
        return page(StatusCode::BAD_REQUEST, "Google is not connected", &text);
    };
    match consent::take(&api.db, &api.accounts, &back.state, code).await {
        Ok(connection) => {
            tracing::info!(connection = %connection.name, "a person consented");
            page(
                StatusCode::OK,
                "Google is connected",
                "Herald goes on with what waited for it. You can close this page.",
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
                "Herald could not keep your consent. Begin again.",
            )
        }
    }
}

fn page(status: StatusCode, title: &str, text: &str) -> Response {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title>\n\
         <style>body{{font:1.1rem/1.6 system-ui,sans-serif;max-width:34rem;margin:20vh auto;padding:0 1.5rem;color:#1c2430;\
         background:#fbfaf7}}h1{{font-size:1.5rem}}@media(prefers-color-scheme:dark){{body{{color:#e8e4da;background:#15181d}}}}</style>\n\
         <h1>{title}</h1>\n<p>{text}</p>\n"
    );
    private((status, Html(html)).into_response())
}

/// Neither kept anywhere nor told to the next site: the address holds a secret.
fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    );
    response
}
