//! `/workspaces`: those of the person who asks.

use axum::{
    Json, Router,
    extract::{Request, State},
    http::StatusCode,
    routing::{get, post},
};
use herald_shared::{ledger::audit::Actor, people::Membership};
use serde::{Deserialize, Serialize};

use crate::{Api, actor::From, auth::Me, input, problem::Problem};

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/workspaces", get(list).post(make)).route("/workspaces/join", post(join))
}

#[derive(Serialize)]
struct Items {
    items: Vec<Membership>,
}

async fn list(State(api): State<Api>, me: Me) -> Result<Json<Items>, Problem> {
    Ok(Json(Items { items: api.people.memberships(me.user_id, None).await? }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Make {
    /// Its name in headers: 2 to 40 lower-case letters, digits and hyphens.
    slug: String,
    name: String,
}

/// Makes a workspace, whose owner is who asks.
async fn make(
    State(api): State<Api>,
    me: Me,
    From(device): From,
    request: Request,
) -> Result<(StatusCode, Json<Membership>), Problem> {
    let Make { slug, name } = input::json(request).await?;
    let is_admin = api.people.user(me.user_id).await?.platform_admin;
    let actor = Actor::user(api.people.home().await?, me.user_id, None).from(device.address);
    let made = api.people.make_workspace(me.user_id, is_admin, &slug, &name, actor).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Join {
    /// The last part of an invitation's link.
    token: String,
}

/// Joins a workspace by its invitation.
async fn join(State(api): State<Api>, me: Me, request: Request) -> Result<Json<Membership>, Problem> {
    let Join { token } = input::json(request).await?;
    Ok(Json(api.people.join(me.user_id, &token).await?))
}
