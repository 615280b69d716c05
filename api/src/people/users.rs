//! `/users`: everybody, for the installation's administrators.

use axum::{
    Json, Router,
    extract::{Request, State},
    routing::get,
};
use herald_shared::people::{User, UserFilter};
use serde::Deserialize;

use crate::{
    Api,
    actor::By,
    input::{self, Id, Parameters},
    page::{Page, PageParameters},
    problem::Problem,
};

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/users", get(list)).route("/users/{id}", get(show).patch(change))
}

async fn list(
    State(api): State<Api>,
    Parameters(asked): Parameters<PageParameters>,
) -> Result<Json<Page<User>>, Problem> {
    let (after, limit) = asked.read()?;
    let rows = api.people.users(&UserFilter { after }, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.id.to_string())))
}

async fn show(State(api): State<Api>, Id(id): Id) -> Result<Json<User>, Problem> {
    Ok(Json(api.people.user(id).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    /// Whether they may come in.
    active: bool,
}

/// Lets a person in or keeps them out; kept out, all their sessions end at once.
async fn change(State(api): State<Api>, By(actor): By, Id(id): Id, request: Request) -> Result<Json<User>, Problem> {
    let Change { active } = input::json(request).await?;
    Ok(Json(api.people.set_active(&actor, id, active).await?))
}
