//! A request names exactly one host (RFC 9112, 3.2). Otherwise a proxy before Herald and Herald itself could read
//! different hosts.

use axum::{
    extract::Request,
    http::{Version, header, uri::Authority},
    middleware::Next,
    response::Response,
};

use crate::front::problem::{Kind, Problem};

/// Refuses a request that has no `Host`, several of them, or one that is not a valid host.
pub(crate) async fn named(request: Request, next: Next) -> Result<Response, Problem> {
    check(&request)?;
    Ok(next.run(request).await)
}

fn check(request: &Request) -> Result<(), Problem> {
    let refuse = |detail: &str| Err(Problem::new(Kind::InvalidRequest, detail));
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (_, Some(_)) => refuse("the request has several Host headers: send one"),
        (Some(host), None) => match host.to_str().ok().map(str::parse::<Authority>) {
            Some(Ok(authority)) if !authority.as_str().contains(['@', ',']) => Ok(()),
            _ => refuse("the Host header is not valid: send host or host:port"),
        },
        // An HTTP/2 request names the host in its target. HTTP/1.0 has no such header.
        (None, None) if request.version() == Version::HTTP_2 && request.uri().authority().is_some() => Ok(()),
        (None, None) if request.version() <= Version::HTTP_10 => Ok(()),
        (None, None) => refuse("the request has no Host header: send one"),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn taken(version: Version, target: &str, hosts: &[&str]) -> bool {
        let mut request = Request::builder().version(version).uri(target);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        check(&request.body(Body::empty()).unwrap()).is_ok()
    }

    #[test]
    fn exactly_one_host_is_named() {
        let http11 = |hosts: &[&str]| taken(Version::HTTP_11, "/", hosts);
        for host in ["herald.example.com", "herald.example.com:8080", "127.0.0.1:8080", "[2001:db8::1]:8080"] {
            assert!(http11(&[host]), "{host}");
        }
        assert!(!http11(&[]));
        assert!(!http11(&["a.example.com", "a.example.com"]));
        for host in ["", "a b", "a.example.com/x", "user@a.example.com", "a,b"] {
            assert!(!http11(&[host]), "{host:?}");
        }
        assert!(!taken(Version::HTTP_11, "http://a.example.com/", &[]), "its absence stands out here, too");
        assert!(taken(Version::HTTP_10, "/", &[]));
        assert!(taken(Version::HTTP_2, "http://a.example.com/", &[]));
        assert!(!taken(Version::HTTP_2, "/", &[]));
    }
}
