//! `/workspaces`: the workspaces of the caller.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};
use herald_ledger::audit::Actor;
use herald_notifications::unread_counts;
use herald_people::{Membership, User};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Api,
    front::{actor::RequestDevice, auth::Me, input, problem::Problem},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, make)).routes(routes!(join))
}

#[derive(Serialize, ToSchema)]
struct Workspaces {
    items: Vec<Membership>,
    /// The caller: one request tells a program who looks, and where they may.
    person: User,
    /// How many notifications the caller has not read, by the id of the workspace; others have none.
    unread: BTreeMap<Uuid, i64>,
}

/// Lists the caller's workspaces.
#[utoipa::path(get, path = "/workspaces", operation_id = "listWorkspaces", tag = "workspaces",
    responses(
        (status = 200, description = "The caller's workspaces", body = Workspaces),
    )
)]
async fn list(State(api): State<Api>, me: Me) -> Result<Json<Workspaces>, Problem> {
    let people = &api.people;
    // Every page of the console asks.
    let (items, person, unread) = futures::join!(
        people.memberships(me.user_id, None),
        people.user(me.user_id),
        unread_counts(&api.db, me.user_id),
    );
    Ok(Json(Workspaces { items: items?, person: person?, unread: unread?.into_iter().collect() }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MakeWorkspace {
    /// The short name for use in headers: 2 to 40 lower-case letters, digits and hyphens.
    slug: String,
    name: String,
}

/// Creates a workspace, whose owner is the caller.
#[utoipa::path(post, path = "/workspaces", operation_id = "makeWorkspace", tag = "workspaces",
    request_body = MakeWorkspace,
    responses(
        (status = 201, description = "Made", body = Membership),
        (status = 409, description = "The slug is taken"),
    )
)]
async fn make(
    State(api): State<Api>,
    me: Me,
    RequestDevice(device): RequestDevice,
    request: Request,
) -> Result<(StatusCode, Json<Membership>), Problem> {
    let MakeWorkspace { slug, name } = input::json(request).await?;
    let is_admin = api.people.user(me.user_id).await?.platform_admin;
    let actor = Actor::user(api.people.home().await?, me.user_id, None).from(device.address);
    let made = api.people.make_workspace(me.user_id, is_admin, &slug, &name, actor).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Join {
    /// The last part of an invitation's link.
    token: String,
}

/// Makes the caller a member of a workspace with an invitation.
#[utoipa::path(post, path = "/workspaces/join", operation_id = "joinWorkspace", tag = "workspaces",
    request_body = Join,
    responses(
        (status = 200, description = "Joined", body = Membership),
        (status = 422, description = "The invitation is not valid"),
    )
)]
async fn join(State(api): State<Api>, me: Me, request: Request) -> Result<Json<Membership>, Problem> {
    let Join { token } = input::json(request).await?;
    Ok(Json(api.people.join(me.user_id, &token).await?))
}
