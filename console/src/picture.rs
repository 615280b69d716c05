//! A picture that a page shows, and that cannot be had: nobody reads the answer, so it is a line and not a page.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::api::Refusal;

const DESTINATION: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Whether the browser asks for a picture within a page. Browsers say so by themselves; those that do not yet are known
/// by the kinds that they take.
pub(crate) fn is_asked(headers: &HeaderMap) -> bool {
    if let Some(destination) = headers.get(DESTINATION) {
        return destination == "image";
    }
    accepts(headers, "image/") && !accepts(headers, "text/html")
}

/// Whether the client asks for a kind by name. `*/*` alone is what programs send.
pub(crate) fn accepts(headers: &HeaderMap, kind: &str) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|one| one.trim().starts_with(kind))
}

/// The answer in the place of a picture.
pub(crate) fn refused(refusal: &Refusal) -> Response {
    let said = if refusal.detail.is_empty() { &refusal.title } else { &refusal.detail };
    let mut response = (refusal.status, [(header::CACHE_CONTROL, "no-store")], format!("{said}\n")).into_response();
    if let Some(seconds) = refusal.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The answer in the place of a picture of a session that has ended. A redirect would lead to the page for signing in.
pub(crate) fn signed_out() -> Response {
    refused(&Refusal::of(StatusCode::UNAUTHORIZED, "you are not signed in"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_known_by_its_destination_or_by_the_kinds_that_are_taken() {
        let with = |pairs: &[(&'static str, &str)]| {
            pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
        };
        let (picture, page) = ("image/avif,image/webp,image/*,*/*;q=0.8", "text/html,image/avif,*/*;q=0.8");
        assert!(is_asked(&with(&[("sec-fetch-dest", "image")])));
        assert!(is_asked(&with(&[("accept", picture)])));
        assert!(!is_asked(&with(&[("sec-fetch-dest", "document"), ("accept", picture)])));
        assert!(!is_asked(&with(&[("accept", page)])));
        assert!(!is_asked(&with(&[("accept", "*/*")])));
        assert!(!is_asked(&with(&[])));
    }
}
