//! `/a/{token}`: what a campaign says, for everybody who has the link.

use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use herald_messaging::{archive_url, archived_campaign, open_archive_token};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Api,
    front::{notice::notice, problem::Problem},
};

/// The page is the campaign's own HTML: it runs nothing, sends no form, and loads pictures alone.
const POLICY: &str = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src https: data:; \
     style-src 'unsafe-inline'; frame-ancestors 'none'";
/// The languages that a browser may ask for.
const MOST_LANGUAGES: usize = 10;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(read))
}

/// Shows what a campaign says, without what is one recipient's.
#[utoipa::path(get, path = "/a/{token}", operation_id = "readCampaign", tag = "public",
    params(("token" = String, Path, description = "The signed token of the campaign's public page")),
    responses(
        (status = 200, description = "The page", content_type = "text/html", body = String),
        (status = 404, description = "A page: the link is wrong, or the campaign has no public page",
            content_type = "text/html", body = String),
    )
)]
async fn read(
    State(api): State<Api>,
    token: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // A path that is not UTF-8 cannot be a valid link.
    let id = token.ok().and_then(|Path(token)| open_archive_token(&api.links, &token));
    let Some(id) = id else { return Ok(nothing()) };
    let Some(archived) = archived_campaign(&api.db, id).await? else { return Ok(nothing()) };
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let languages = accepted.split(',').filter_map(|part| part.split(';').next()).map(|part| part.trim().to_owned());
    let languages: Vec<String> = languages.filter(|part| !part.is_empty()).take(MOST_LANGUAGES).collect();
    let (here, nowhere) = (archive_url(&api.links, id), api.links.page("/u/archive"));
    // Templates are compiled where that keeps nobody waiting.
    let made = tokio::task::spawn_blocking(move || archived.page(&languages, &here, &nowhere)).await;
    let (language, mail) = match made.map_err(|error| Problem::internal(&error))? {
        Ok(made) => made,
        Err(error) => {
            tracing::warn!(%error, campaign = %id, "the public page of a campaign cannot be written");
            return Ok(nothing());
        }
    };
    let mut response = Html(mail.html).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
    headers.insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex"));
    if let Ok(language) = HeaderValue::try_from(language) {
        headers.insert(header::CONTENT_LANGUAGE, language);
    }
    Ok(response)
}

fn nothing() -> Response {
    let text = "A part of the link may be missing, or the page is not public any more.";
    notice(StatusCode::NOT_FOUND, "There is no such page", text)
}
