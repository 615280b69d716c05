//! `/workspace-invitations`: links by which people join the workspace.

use axum::{
    Json, Router,
    extract::{Request, State},
    http::StatusCode,
    routing::{delete, get},
};
use herald_shared::people::{Invitation, NewInvitation, Role};
use serde::{Deserialize, Serialize};

use crate::{
    Api,
    actor::By,
    auth::{MyRole, Workspace},
    input::{self, Id, Parameters},
    page::{Page, PageParameters},
    problem::Problem,
};

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/workspace-invitations", get(list).post(make))
        .route("/workspace-invitations/{id}", delete(revoke))
}

async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(asked): Parameters<PageParameters>,
) -> Result<Json<Page<Invitation>>, Problem> {
    let (before, limit) = asked.read()?;
    let rows = api.people.invitations(workspace, before, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.id.to_string())))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Make {
    role: Role,
    /// Only who has this address; the link is sent there, too.
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

#[derive(Serialize)]
struct Made {
    #[serde(flatten)]
    invitation: Invitation,
    /// Shown this once.
    link: String,
}

/// Makes an invitation. Its link is in the answer, and nowhere else.
async fn make(
    State(api): State<Api>,
    By(actor): By,
    MyRole(own): MyRole,
    request: Request,
) -> Result<(StatusCode, Json<Made>), Problem> {
    let Make { role, email, max_uses, days } = input::json(request).await?;
    let base = api.settings.http.public_url.trim_end_matches('/').to_owned();
    let link = |token: &str| format!("{base}/join/{token}");
    let new = NewInvitation { role, email, max_uses, days };
    let (invitation, link) = api.people.invite(&actor, own, new, link).await?;
    Ok((StatusCode::CREATED, Json(Made { invitation, link })))
}

/// Takes an invitation back; who joined with it stays.
async fn revoke(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<StatusCode, Problem> {
    api.people.revoke_invitation(&actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
