//! The gate: what every request with a token goes through before its endpoint.
//!
//! ```text
//! Guard::arrives ─▶ authenticate ─▶ Guard::passes ─▶ authorize ─▶ …
//! counts the address   whose token?   gives that back    may they?
//! ```
//!
//! One layer, not four: axum clones what lies below a layer for each request, and below those four lies nearly
//! everything.

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

/// What the gate works with.
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

/// Lets a request through whose caller may do what it asks, and notes who that is and in which workspace.
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
