//! `/t/{token}`: the links and the picture of a message. Who follows a link is sent on once that is written down.
//!
//! Where a link leads stands in a row of the campaign, so nobody can make up one that leads elsewhere. Asking changes
//! nothing but counts: scanners follow every link.

use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use herald_messaging::{Reached, Request, TrackedPlace, location, open_tracked, robot};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{Api, front::notice::notice};

/// A picture of one transparent pixel.
const PIXEL: &[u8] =
    b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";
/// Headers in which browsers say that nobody looks yet.
const PURPOSES: [&str; 4] = ["sec-purpose", "purpose", "x-purpose", "x-moz"];

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(follow))
}

/// Sends the reader of a message to where a link of it leads, or shows the picture that tells of its opening.
#[utoipa::path(get, path = "/t/{token}", operation_id = "followLink", tag = "public",
    params(("token" = String, Path, description = "The signed token of the link; with .gif, that of the picture")),
    responses(
        (status = 200, description = "A picture, or a page for programs that follow every link", content(
            (String = "image/gif"), (String = "text/html"))),
        (status = 302, description = "To the target of the link", headers(("location" = String,
            description = "The target, byte for byte as it is written in the message"))),
        (status = 404, description = "A page: the link is wrong", content_type = "text/html", body = String),
        (status = 503, description = "A page: the link cannot be looked up now", content_type = "text/html",
            body = String),
    )
)]
async fn follow(
    State(api): State<Api>,
    token: Result<Path<String>, PathRejection>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    // A path that is not UTF-8 cannot be a valid link.
    let opened = token.ok().and_then(|Path(token)| open_tracked(&api.links, &token));
    let Some((message, place)) = opened else { return alone(wrong()) };
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let purposes = PURPOSES.map(text).join(" ");
    let request = Request { is_head: method == Method::HEAD, agent: text("user-agent"), purposes: &purposes };
    let reached = api.tracker.record(message, place, robot(request)).await;
    alone(match (place, reached) {
        (TrackedPlace::Pixel, _) => ([(header::CONTENT_TYPE, "image/gif")], PIXEL).into_response(),
        (TrackedPlace::Trap, _) => notice(StatusCode::OK, "There is nothing here", "This link is for programs alone."),
        (TrackedPlace::Link(_), Reached::Known { target }) => sent_on(target.as_deref()),
        (TrackedPlace::Link(_), Reached::Nobody) => {
            let text = "Please open the link again in a moment.";
            let mut answer = notice(StatusCode::SERVICE_UNAVAILABLE, "This link cannot be looked up now", text);
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            answer
        }
    })
}

fn sent_on(target: Option<&str>) -> Response {
    let target = target.and_then(location).and_then(|target| HeaderValue::try_from(target).ok());
    match target {
        Some(target) => (StatusCode::FOUND, [(header::LOCATION, target)]).into_response(),
        None => wrong(),
    }
}

fn wrong() -> Response {
    let text = "A part of the link may be missing. Please open it exactly as it stands in the message.";
    notice(StatusCode::NOT_FOUND, "This link is not complete", text)
}

/// The answer, which nobody keeps, and which does not say whence the reader came.
fn alone(mut answer: Response) -> Response {
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex"));
    answer
}
