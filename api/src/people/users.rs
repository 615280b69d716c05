//! `/users`: all users, for the installation's administrators.

use axum::{
    Json,
    extract::{Request, State},
};
use herald_people::User;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Api,
    front::{
        actor::By,
        input::{self, Id, Parameters},
        page::{Page, PageParameters},
        problem::Problem,
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, change))
}

/// Lists every user of the installation, the oldest first.
#[utoipa::path(get, path = "/users", operation_id = "listUsers", tag = "users",
    params(PageParameters),
    responses(
        (status = 200, description = "A page of users", body = Page<User>),
    )
)]
async fn list(
    State(api): State<Api>,
    Parameters(asked): Parameters<PageParameters>,
) -> Result<Json<Page<User>>, Problem> {
    let (after, limit) = asked.read()?;
    let rows = api.people.users(after, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.id.to_string())))
}

/// Returns a user.
#[utoipa::path(get, path = "/users/{id}", operation_id = "getUser", tag = "users",
    responses(
        (status = 200, description = "The user", body = User),
    )
)]
async fn show(State(api): State<Api>, Id(id): Id) -> Result<Json<User>, Problem> {
    Ok(Json(api.people.user(id).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeUser {
    /// Whether the user may sign in.
    active: bool,
}

/// Activates or deactivates a user. Deactivation ends all sessions of the user at once.
#[utoipa::path(patch, path = "/users/{id}", operation_id = "changeUser", tag = "users",
    request_body = ChangeUser,
    responses(
        (status = 200, description = "The user", body = User),
    )
)]
async fn change(State(api): State<Api>, By(actor): By, Id(id): Id, request: Request) -> Result<Json<User>, Problem> {
    let ChangeUser { active } = input::json(request).await?;
    Ok(Json(api.people.set_active(&actor, id, active).await?))
}
