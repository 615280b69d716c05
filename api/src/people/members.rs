//! `/members`: the members of the workspace.

use axum::{
    Json,
    extract::{Request, State},
};
use herald_people::{Ended, Made, Member, Role, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Api,
    front::{
        actor::By,
        auth::{GivenBy, MyRole, Workspace},
        input::{self, Id, Parameters},
        page::{Page, PageParameters},
        problem::Problem,
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, set_role, remove))
}

/// Lists the members of the workspace.
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

/// A member, with the keys, links and schedules that the member made.
#[derive(Serialize, ToSchema)]
#[schema(as = MemberPage)]
struct MemberView {
    #[serde(flatten)]
    member: Member,
    /// The keys, invitation links and schedules of the member, if the caller may list them.
    made: Option<Made>,
}

/// Returns a member, with the keys, links and schedules of the member that still work.
#[utoipa::path(get, path = "/members/{id}", operation_id = "getMember", tag = "members",
    responses(
        (status = 200, description = "The member", body = MemberView),
    )
)]
async fn show(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    GivenBy(caller): GivenBy,
    Id(id): Id,
) -> Result<Json<MemberView>, Problem> {
    let member = api.people.member(workspace, id).await?;
    // This list needs the same rights as the lists of keys and links.
    let reads = |area: &str| caller.holds(&Scope { area: area.to_owned(), write: false });
    let may_list = caller.role >= Role::Agency && ["keys", "workspace-invitations", "schedules"].into_iter().all(reads);
    let made = if may_list { Some(api.people.made_by(workspace, id).await?) } else { None };
    Ok(Json(MemberView { member, made }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetRole {
    role: Role,
}

/// Gives a member another role, at most the caller's own.
#[utoipa::path(put, path = "/members/{id}", operation_id = "setRole", tag = "members",
    request_body = SetRole,
    responses(
        (status = 200, description = "The member", body = Member),
        (status = 409, description = "The workspace would lose its last owner"),
    )
)]
async fn set_role(
    State(api): State<Api>,
    By(actor): By,
    GivenBy(giver): GivenBy,
    Id(id): Id,
    request: Request,
) -> Result<Json<Member>, Problem> {
    let SetRole { role } = input::json(request).await?;
    Ok(Json(api.people.set_role(&actor, &giver, id, role).await?))
}

/// The result of removing a member.
#[derive(Serialize, ToSchema)]
struct Removed {
    /// The keys, links and schedules of the member that ended with the membership.
    ended: Ended,
}

/// Removes a member from the workspace, with the keys and links of the member.
#[utoipa::path(delete, path = "/members/{id}", operation_id = "removeMember", tag = "members",
    responses(
        (status = 200, description = "The member was removed; the answer says what ended with the membership",
            body = Removed),
        (status = 409, description = "The workspace would lose its last owner"),
    )
)]
async fn remove(
    State(api): State<Api>,
    By(actor): By,
    MyRole(own): MyRole,
    Id(id): Id,
) -> Result<Json<Removed>, Problem> {
    Ok(Json(Removed { ended: api.people.remove_member(&actor, own, id).await? }))
}
