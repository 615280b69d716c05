//! `/i/{token}`: what an invitation's link leads to. Whoever has the link may see the picture; there is nothing else to see.

use axum::{
    body::Body,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use herald_shared::{domain, files::FilesError, links::LinkError};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{Api, notice::notice, problem::Problem};

const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(show))
}

/// Shows the invitation that a signed link leads to.
#[utoipa::path(get, path = "/i/{token}", operation_id = "openLink", tag = "public",
    params(("token" = String, Path, description = "Signed; it expires")),
    responses(
        (status = 200, description = "The picture", content((String = "image/jpeg"), (String = "image/png"), (String = "image/webp"))),
        (status = 404, description = "A page: the link is wrong, or the invitation is not made yet", content_type = "text/html", body = String),
        (status = 410, description = "A page: the link has expired", content_type = "text/html", body = String),
    )
)]
async fn show(State(api): State<Api>, token: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    // What is not even text is no link either.
    let Ok(Path(token)) = token else { return Ok(unknown()) };
    let id = match api.links.open(&token, api.db.now()) {
        Ok(id) => id,
        Err(LinkError::Expired) => return Ok(expired()),
        Err(LinkError::Invalid) => return Ok(unknown()),
    };
    let Some(invitation) = domain::invitation_file(&api.db, id).await? else { return Ok(unknown()) };
    let Some(file) = invitation.file else { return Ok(not_made_yet()) };
    let Some(picture) = media_type(&file) else {
        return Err(Problem::internal(&std::io::Error::other(format!("invitation {id} is no picture"))));
    };
    let (bytes, content) = match api.files.stream(&file).await {
        Ok(found) => found,
        Err(FilesError::Missing(_)) => {
            tracing::error!(invitation = %id, "the file of an invitation is missing from the file store");
            return Ok(not_made_yet());
        }
        Err(error) => return Err(error.into()),
    };
    let mut response = Body::from_stream(content).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(picture));
    headers.insert(header::CONTENT_LENGTH, bytes.into());
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("inline"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=300"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(ROBOTS, HeaderValue::from_static("noindex"));
    Ok(response)
}

/// Pictures are all that is ever shown.
fn media_type(file: &str) -> Option<&'static str> {
    match file.rsplit_once('.')?.1 {
        "jpg" | "jpeg" => Some("image/jpeg"),
        "png" => Some("image/png"),
        "webp" => Some("image/webp"),
        _ => None,
    }
}

fn unknown() -> Response {
    page(
        StatusCode::NOT_FOUND,
        "This link does not lead to an invitation",
        "Part of it may be missing. Please open it as it was sent to you, or ask your host for it.",
    )
}

fn expired() -> Response {
    page(StatusCode::GONE, "This invitation's link has expired", "Please ask your host for a new one.")
}

fn not_made_yet() -> Response {
    let mut response = page(
        StatusCode::NOT_FOUND,
        "This invitation is not ready yet",
        "It is being made. Please open the link again a little later.",
    );
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
    response
}

fn page(status: StatusCode, title: &str, text: &str) -> Response {
    let mut response = notice(status, title, text);
    response.headers_mut().insert(ROBOTS, HeaderValue::from_static("noindex"));
    response
}
