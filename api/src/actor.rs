//! Who acts: what the audit log says of a request.

use axum::{extract::FromRequestParts, http::request::Parts};
use herald_shared::{domain::Token, ledger::audit::Actor};

use crate::problem::{Kind, Problem};

/// The id of a request, as its answer and the log have it.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

/// The holder of the request's token.
pub(crate) struct By(pub(crate) Actor);

impl<S: Send + Sync> FromRequestParts<S> for By {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Missing only where a route was not put behind `require_token`: closed, then, rather than open.
        let token = parts.extensions.get::<Token>().ok_or_else(|| Problem::new(Kind::Unauthorized, "send a token"))?;
        let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone());
        Ok(Self(Actor::token(token.workspace_id, token.id, &token.name, request_id)))
    }
}
