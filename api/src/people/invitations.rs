//! `/workspace-invitations`: links by which people join the workspace.

use axum::{
    Extension, Json,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use herald_ledger::rate_limits::Subject;
use herald_people::{NewWorkspaceInvitation, Role, WorkspaceInvitation};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Api,
    front::{
        actor::{By, ClientAddress},
        auth::{GivenBy, Workspace},
        input::{self, Id, Parameters},
        notice::notice,
        page::{Page, PageParameters},
        problem::Problem,
        rate_limits::{letter, not_too_often},
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, make)).routes(routes!(revoke))
}

/// The page that the links of invitations lead to.
pub(super) fn page() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(welcome))
}

/// Lists the invitations into the workspace, the newest first.
#[utoipa::path(get, path = "/workspace-invitations", operation_id = "listWorkspaceInvitations",
    tag = "workspace-invitations",
    params(PageParameters),
    responses(
        (status = 200, description = "A page of the invitations", body = Page<WorkspaceInvitation>),
    )
)]
async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(asked): Parameters<PageParameters>,
) -> Result<Json<Page<WorkspaceInvitation>>, Problem> {
    let (before, limit) = asked.read()?;
    let rows = api.people.invitations(workspace, before, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.id.to_string())))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MakeInvitation {
    role: Role,
    /// The address of the invited person. Herald sends the link there, and nobody else can use it.
    email: Option<String>,
    #[serde(default = "one")]
    max_uses: i64,
    #[serde(default = "a_week")]
    days: i64,
}

fn one() -> i64 {
    1
}

fn a_week() -> i64 {
    7
}

#[derive(Serialize, ToSchema)]
struct MadeInvitation {
    #[serde(flatten)]
    invitation: WorkspaceInvitation,
    /// The link of the invitation, which only this answer shows.
    link: String,
}

/// Creates an invitation into the workspace, with at most the caller's own role.
///
/// Only this answer shows the link of the invitation.
#[utoipa::path(post, path = "/workspace-invitations", operation_id = "makeWorkspaceInvitation",
    tag = "workspace-invitations",
    request_body = MakeInvitation,
    responses(
        (status = 201, description = "The invitation, with the link that only this answer shows",
            body = MadeInvitation),
    )
)]
async fn make(
    State(api): State<Api>,
    By(actor): By,
    GivenBy(giver): GivenBy,
    Extension(caller): Extension<Subject>,
    Extension(from): Extension<ClientAddress>,
    request: Request,
) -> Result<(StatusCode, Json<MadeInvitation>), Problem> {
    let MakeInvitation { role, email, max_uses, days } = input::json(request).await?;
    if let Some(email) = &email {
        // The maker of an invitation chooses the address. The limits keep callers from flooding mailboxes with e-mails.
        not_too_often(&api, &[caller]).await?;
        letter(&api, email, from).await?;
    }
    let base = api.settings.http.public_url.trim_end_matches('/').to_owned();
    let page = if api.has_pages { "join-workspace" } else { "join" };
    let link = |token: &str| format!("{base}/{page}/{token}");
    let new = NewWorkspaceInvitation { role, email, max_uses, days };
    let (invitation, link) = api.people.invite(&actor, &giver, new, link).await?;
    Ok((StatusCode::CREATED, Json(MadeInvitation { invitation, link })))
}

/// Revokes an invitation. Members who joined with it stay.
#[utoipa::path(delete, path = "/workspace-invitations/{id}", operation_id = "revokeWorkspaceInvitation",
    tag = "workspace-invitations",
    responses(
        (status = 204, description = "The invitation was revoked"),
    )
)]
async fn revoke(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<StatusCode, Problem> {
    api.people.revoke_invitation(&actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

const WELCOME: &str = "To join, sign in to Herald and send the last part of this page's address with POST \
                       /api/v1/workspaces/join. If you have no account, register with the e-mail address that \
                       received this invitation, and send that part as `invitation`. /docs describes both. Keep this \
                       page's address secret: anyone who has it can join in your place.";

/// Returns a page for invited people that explains how to join a workspace.
///
/// The page is the same for every token, so it does not reveal whether a token is valid.
#[utoipa::path(get, path = "/join/{token}", operation_id = "openWorkspaceInvitation", tag = "public",
    params(("token" = String, Path, description = "The token of an invitation")),
    responses(
        (status = 200, description = "A page", content_type = "text/html", body = String),
    )
)]
async fn welcome() -> Response {
    let mut response = notice(StatusCode::OK, "You are invited to a workspace", WELCOME);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert("x-robots-tag", HeaderValue::from_static("noindex"));
    response
}
