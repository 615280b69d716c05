//! The actor of a request, as the audit log records it.

use std::net::IpAddr;

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};
use herald_ledger::audit::Actor;
use herald_people::Device;

use crate::front::{
    auth::{self, Who},
    problem::{Kind, Problem},
};

/// The id of a request. The answer and the log contain the same id.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

/// The address that a request comes from, seen through trusted proxies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

/// The actor of a request, in the workspace of the request.
pub(crate) struct By(pub(crate) Actor);

/// The device that a request comes from.
pub(crate) struct RequestDevice(pub(crate) Device);

fn address(parts: &Parts) -> Option<String> {
    parts.extensions.get::<ClientAddress>().map(|ClientAddress(address)| address.to_string())
}

impl<S: Send + Sync> FromRequestParts<S> for By {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = auth::caller(parts)?;
        let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone());
        let (workspace, _) = caller.workspace.ok_or_else(|| {
            Problem::new(Kind::Forbidden, "the request needs a workspace: name one in the header Herald-Workspace")
        })?;
        let actor = match &caller.who {
            Who::Key { id, name, .. } => Actor::key(workspace, *id, name, request_id),
            Who::Person { user_id, .. } => Actor::user(workspace, *user_id, request_id),
        };
        Ok(Self(actor.from(address(parts))))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequestDevice {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(Self(Device { agent, address: address(parts) }))
    }
}
