//! What every page and every form has: headers that bind the browser, and the check that a form comes from a page of
//! this Herald.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{Console, api::Refusal, page};

/// Scripts, styles and pictures come from this host alone, and no script or style is written into the page itself. No
/// page may stand in a frame, except for mails, which have a policy of their own.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
                      connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";
const CAREFUL: &[(&str, &str)] = &[
    ("content-security-policy", POLICY),
    // Not `no-referrer`: with it a browser hides where its own forms come from.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
];
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Lets pages through, and forms that one of our own pages sent.
pub(crate) async fn guard(State(console): State<Console>, request: Request, next: Next) -> Response {
    let is_ours = matches!(*request.method(), Method::GET | Method::HEAD) || comes_from_us(request.headers());
    careful(if is_ours {
        next.run(request).await
    } else {
        let refusal = Refusal::of(
            StatusCode::FORBIDDEN,
            "the form was not sent by a page of this Herald: open the page again, and send the form from there",
        );
        page::alone(&console, &refusal).into_response()
    })
}

/// The answer with the headers that bind the browser.
pub(crate) fn careful(mut response: Response) -> Response {
    for (name, value) in CAREFUL {
        response.headers_mut().entry(*name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Whether the browser says that a page of this host sent the form. A client that says nothing is not a browser.
fn comes_from_us(headers: &HeaderMap) -> bool {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text(&SITE) {
        return site == "same-origin";
    }
    let host = text(&header::HOST);
    let origin = text(&header::ORIGIN).and_then(|origin| origin.split_once("://"));
    origin.is_some_and(|(_, origin)| host.is_some_and(|host| host.eq_ignore_ascii_case(origin)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_a_form_of_our_own_pages_counts() {
        assert!(comes_from_us(&with(&[("sec-fetch-site", "same-origin")])));
        assert!(comes_from_us(&with(&[("host", "herald.example:8080"), ("origin", "http://herald.example:8080")])));
        assert!(!comes_from_us(&with(&[("sec-fetch-site", "same-site"), ("host", "a"), ("origin", "http://a")])));
        assert!(!comes_from_us(&with(&[("host", "herald.example"), ("origin", "http://herald.example.evil.example")])));
        assert!(!comes_from_us(&with(&[("host", "herald.example"), ("origin", "null")])));
        assert!(!comes_from_us(&with(&[("host", "herald.example")])));
    }
}
