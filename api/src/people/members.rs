//! `/members`: who belongs to the workspace.

use axum::{
    Json, Router,
    extract::{Request, State},
    http::StatusCode,
    routing::get,
};
use herald_shared::people::{Member, Role};
use serde::Deserialize;

use crate::{
    Api,
    actor::By,
    auth::{MyRole, Workspace},
    input::{self, Id, Parameters},
    page::{Page, PageParameters},
    problem::Problem,
};

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/members", get(list)).route("/members/{id}", get(show).put(set_role).delete(remove))
}

async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(asked): Parameters<PageParameters>,
) -> Result<Json<Page<Member>>, Problem> {
    let (after, limit) = asked.read()?;
    let rows = api.people.members(workspace, after, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.user_id.to_string())))
}

async fn show(State(api): State<Api>, Workspace(workspace): Workspace, Id(id): Id) -> Result<Json<Member>, Problem> {
    Ok(Json(api.people.member(workspace, id).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetRole {
    role: Role,
}

/// Gives a member another role, at most the giver's own.
async fn set_role(
    State(api): State<Api>,
    By(actor): By,
    MyRole(own): MyRole,
    Id(id): Id,
    request: Request,
) -> Result<Json<Member>, Problem> {
    let SetRole { role } = input::json(request).await?;
    Ok(Json(api.people.set_role(&actor, own, id, role).await?))
}

/// Takes a member out of the workspace.
async fn remove(State(api): State<Api>, By(actor): By, MyRole(own): MyRole, Id(id): Id) -> Result<StatusCode, Problem> {
    api.people.remove_member(&actor, own, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
