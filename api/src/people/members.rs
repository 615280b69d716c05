//! `/members`: who belongs to the workspace.

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};
use herald_shared::people::{Member, Role};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Api,
    actor::By,
    auth::{MyRole, Workspace},
    input::{self, Id, Parameters},
    page::{Page, PageParameters},
    problem::Problem,
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, set_role, remove))
}

/// Lists who belongs to the workspace.
#[utoipa::path(get, path = "/members", operation_id = "listMembers", tag = "members",
    params(PageParameters),
    responses(
        (status = 200, description = "A page of the members", body = Page<Member>),
    )
)]
async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(asked): Parameters<PageParameters>,
) -> Result<Json<Page<Member>>, Problem> {
    let (after, limit) = asked.read()?;
    let rows = api.people.members(workspace, after, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.user_id.to_string())))
}

/// Shows a member.
#[utoipa::path(get, path = "/members/{id}", operation_id = "getMember", tag = "members",
    responses(
        (status = 200, description = "The member", body = Member),
    )
)]
async fn show(State(api): State<Api>, Workspace(workspace): Workspace, Id(id): Id) -> Result<Json<Member>, Problem> {
    Ok(Json(api.people.member(workspace, id).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetRole {
    role: Role,
}

/// Gives a member another role, at most the giver's own.
#[utoipa::path(put, path = "/members/{id}", operation_id = "setRole", tag = "members",
    request_body = SetRole,
    responses(
        (status = 200, description = "The member", body = Member),
        (status = 409, description = "The last owner stays"),
    )
)]
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
#[utoipa::path(delete, path = "/members/{id}", operation_id = "removeMember", tag = "members",
    responses(
        (status = 204, description = "Taken out"),
        (status = 409, description = "The last owner stays"),
    )
)]
async fn remove(State(api): State<Api>, By(actor): By, MyRole(own): MyRole, Id(id): Id) -> Result<StatusCode, Problem> {
    api.people.remove_member(&actor, own, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
