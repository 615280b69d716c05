//! The domain of tracked links, if they have one of their own: it has the pages for recipients, and nothing else of
//! Herald. Whoever sees the domain in a mail finds no place there to sign in.

use axum::{
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::Next,
    response::Response,
};

use crate::{Api, front::notice::notice};

/// What lies on the domain.
const OPEN: [&str; 3] = ["/t/", "/a/", "/u/"];

/// Answers on the domain of tracked links only what lies there.
pub(crate) async fn only_links(State(api): State<Api>, request: Request, next: Next) -> Response {
    let http = &api.settings.http;
    if is_closed(&http.tracking_url, &http.public_url, asked(&request), request.uri().path()) {
        return notice(
            StatusCode::NOT_FOUND,
            "There is nothing here",
            "Please open the link as it stands in the message.",
        );
    }
    next.run(request).await
}

/// The host that a request asks for.
fn asked(request: &Request) -> &str {
    let header = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    request.uri().authority().map(|authority| authority.as_str()).or(header).unwrap_or_default()
}

fn is_closed(tracking_url: &str, public_url: &str, asked: &str, path: &str) -> bool {
    let own = host(tracking_url);
    !own.is_empty()
        && own.eq_ignore_ascii_case(name(asked))
        && !own.eq_ignore_ascii_case(host(public_url))
        && !OPEN.iter().any(|open| path.starts_with(open))
}

/// The name of the host in a URL.
fn host(url: &str) -> &str {
    let behind = url.split_once("://").map_or("", |(_, behind)| behind);
    name(behind.split(['/', '?', '#']).next().unwrap_or_default())
}

/// A host without its port.
fn name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_of_links_has_links_alone() {
        let closed =
            |tracking: &str, asked: &str, path: &str| is_closed(tracking, "https://h.example.com", asked, path);
        let own = "https://t.example.com";
        for (asked, path, wanted) in [
            ("t.example.com", "/t/x", false),
            ("t.example.com:443", "/a/x", false),
            ("t.example.com", "/u/x/preferences", false),
            ("T.example.com", "/", true),
            ("t.example.com:8443", "/api/v1/campaigns", true),
            ("t.example.com", "/tx", true),
            ("h.example.com", "/api/v1/campaigns", false),
            ("127.0.0.1:8080", "/health", false),
        ] {
            assert_eq!(closed(own, asked, path), wanted, "{asked} {path}");
        }
        assert!(!closed("", "h.example.com", "/") && !closed("", "", "/"));
        assert!(!closed("https://h.example.com", "h.example.com", "/"));
    }
}
