//! `/i/{token}`: the invitation behind a signed link. Anyone who has the link may see the picture, and nothing else.

use axum::{
    body::Body,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::stream::BoxStream;
use herald_base::{image_format::ImageFormat, links::LinkError};
use herald_invitations as domain;
use herald_invitations::{InvitationFile, InvitationState, Redraw, RedrawFrom};
use herald_providers::files::{FilesError, Stored};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Api,
    front::{notice::notice, problem::Problem},
};

const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(show))
}

/// Shows the invitation that a signed link leads to.
#[utoipa::path(get, path = "/i/{token}", operation_id = "openLink", tag = "public",
    params(("token" = String, Path, description = "The signed token of the link, which expires")),
    responses(
        (status = 200, description = "The picture", content((String = "image/jpeg"), (String = "image/png"),
            (String = "image/webp"))),
        (status = 404, description = "A page: the link is wrong, or the invitation does not exist yet",
            content_type = "text/html", body = String),
        (status = 410, description = "A page: the link has expired", content_type = "text/html", body = String),
    )
)]
async fn show(State(api): State<Api>, token: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    // A path that is not UTF-8 cannot be a valid link.
    let Ok(Path(token)) = token else { return Ok(unknown()) };
    let id = match api.links.open(&token, api.db.now()) {
        Ok(id) => id,
        Err(LinkError::Expired) => return Ok(expired()),
        Err(LinkError::Invalid) => return Ok(unknown()),
    };
    let Some(invitation) = domain::invitation_file(&api.db, id).await? else { return Ok(unknown()) };
    if invitation.file.is_none() {
        return Ok(not_made_yet());
    }
    let Some((picture, bytes, content)) = own_file(&api, id, &invitation).await? else { return Ok(not_made_yet()) };
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

/// Returns an invitation's picture, its size and its bytes, if these bytes were drawn for this guest. They are in the
/// file itself, or in the new drawing while the invitation is being drawn again.
pub(super) async fn own_file(api: &Api, id: Uuid, invitation: &InvitationFile) -> Result<Option<Picture>, Problem> {
    let (Some(file), Some(sha256)) = (&invitation.file, &invitation.sha256) else { return Ok(None) };
    let mut damaged = false;
    for key in [Some(file), invitation.rendering.as_ref()].into_iter().flatten() {
        let Some(picture) = media_type(key) else {
            return Err(Problem::internal(&std::io::Error::other(format!("invitation {id} is no picture"))));
        };
        let stored = Stored::of(invitation.workspace_id, key)?;
        match api.files.stream_if(&stored, sha256).await {
            Ok(Some((bytes, content))) => return Ok(Some((picture, bytes, content))),
            Ok(None) => damaged = true,
            Err(FilesError::Missing(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // The file may be missing while the invitation is being drawn again.
    if invitation.state != InvitationState::Made {
        return Ok(None);
    }
    if !damaged {
        // Herald does not draw the invitation again, because a disk that is not mounted looks the same.
        tracing::error!(invitation = %id, "the file of an invitation is missing from the file store");
        return Ok(None);
    }
    tracing::error!(invitation = %id, "the file of an invitation is damaged or another guest's: it is not shown, \
        and drawn anew");
    let what = Redraw { invitation_id: id, file, from: RedrawFrom::Drawing };
    domain::redraw(&api.db, invitation.workspace_id, what).await?;
    Ok(None)
}

/// The media type of a picture, its size in bytes, and its content.
pub(super) type Picture = (&'static str, u64, BoxStream<'static, std::io::Result<Bytes>>);

/// Returns the media type of a picture. Links show only pictures.
fn media_type(file: &str) -> Option<&'static str> {
    ImageFormat::of_extension(file.rsplit_once('.')?.1).map(ImageFormat::media_type)
}

fn unknown() -> Response {
    page(
        StatusCode::NOT_FOUND,
        "This link does not lead to an invitation",
        "A part of the link may be missing. Please open the link exactly as you received it, or ask your \
         host for a new one.",
    )
}

fn expired() -> Response {
    page(StatusCode::GONE, "This invitation's link has expired", "Please ask your host for a new one.")
}

fn not_made_yet() -> Response {
    let mut response = page(
        StatusCode::NOT_FOUND,
        "This invitation is not ready yet",
        "We are still making your invitation. Please open the link again a little later.",
    );
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
    response
}

fn page(status: StatusCode, title: &str, text: &str) -> Response {
    let mut response = notice(status, title, text);
    response.headers_mut().insert(ROBOTS, HeaderValue::from_static("noindex"));
    response
}
