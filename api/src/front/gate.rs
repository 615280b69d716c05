//! The gate: the checks that every request with a token passes before its endpoint.
//!
//! ```text
//! Guard::arrives ─▶ authenticate ─▶ Guard::passes ─▶ authorize ─▶ …
//! counts the address   whose token?   gives that back    may they?
//! ```
//!
//! The gate is one layer, not four. For each request, axum clones everything below a layer, and nearly everything is
//! below these checks.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{
    Api,
    front::{
        auth,
        problem::Problem,
        rate_limits::{Guard, workspace_has_room},
    },
};

/// The state of the gate.
#[derive(Clone)]
pub(crate) struct Gate {
    api: Api,
    guard: Guard,
}

impl Gate {
    pub(crate) fn new(api: &Api) -> Self {
        Self { api: api.clone(), guard: Guard::new(api) }
    }
}

/// Lets a request through if its caller may do what it asks for. Adds the caller, with its workspace, to the request.
pub(crate) async fn gate(
    State(Gate { api, guard }): State<Gate>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let arrival = guard.arrives(&parts).await?;
    let identity = match auth::authenticate(&api, &parts.headers).await {
        Ok(identity) => identity,
        Err(problem) => return Ok(guard.turned_away(arrival, problem.into_response())),
    };
    guard.passes(arrival).await;
    let subject = identity.subject();
    let caller = auth::authorize(&api, identity, &parts).await?;
    if let Some((workspace, _)) = caller.workspace {
        workspace_has_room(&api, workspace).await?;
    }
    parts.extensions.insert(subject);
    parts.extensions.insert(caller);
    Ok(next.run(Request::from_parts(parts, body)).await)
}
