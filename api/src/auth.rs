//! Who may: a bearer token opens its workspace, and nothing else does.

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, header, request::Parts},
    middleware::Next,
    response::Response,
};
use herald_shared::domain;
use uuid::Uuid;

use crate::{
    Api,
    problem::{Kind, Problem},
};

/// The workspace a request works in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workspace(pub(crate) Uuid);

/// Lets a request with a valid token through, and tells it its workspace.
pub(crate) async fn require_token(
    State(api): State<Api>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let Some(token) = bearer(request.headers()) else {
        return Err(Problem::new(
            Kind::Unauthorized,
            "send a token as `Authorization: Bearer …`; the first start prints one",
        )
        .header(header::WWW_AUTHENTICATE, "Bearer realm=\"herald\""));
    };
    let Some(token) = domain::check_token(&api.db, token).await? else {
        return Err(Problem::new(Kind::Unauthorized, "the token opens nothing here; it may have been replaced")
            .header(header::WWW_AUTHENTICATE, "Bearer realm=\"herald\", error=\"invalid_token\""));
    };
    request.extensions_mut().insert(Workspace(token.workspace_id));
    request.extensions_mut().insert(token);
    Ok(next.run(request).await)
}

/// The token of an `Authorization` header (RFC 6750); the scheme's case does not matter.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

impl<S: Send + Sync> FromRequestParts<S> for Workspace {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Missing only where a route was not put behind `require_token`: closed, then, rather than open.
        parts.extensions.get().copied().ok_or_else(|| Problem::new(Kind::Unauthorized, "send a token"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bearer_header_with_a_token_counts() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(of("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(of("bearer  abc").as_deref(), Some("abc"));
        assert_eq!(of("Basic abc"), None);
        assert_eq!(of("Bearer "), None);
        assert_eq!(of("Bearer"), None);
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
