//! `/contacts/{id}/activities`: what happened with a contact, and notes that people add.

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};
use herald_contacts::{Activity, add_note, list_activities};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Api,
    front::{
        actor::By,
        auth::Workspace,
        input::{self, Id, Parameters},
        page::{Page, PageParameters},
        problem::Problem,
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(note))
}

/// Lists what happened with a contact, the newest first.
#[utoipa::path(get, path = "/contacts/{id}/activities", operation_id = "listActivities", tag = "contacts",
    params(PageParameters),
    responses(
        (status = 200, description = "A page of activities", body = Page<Activity>),
    )
)]
async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Id(id): Id,
    Parameters(asked): Parameters<PageParameters>,
) -> Result<Json<Page<Activity>>, Problem> {
    let (before, limit) = asked.read()?;
    super::one::exists(&api, workspace, id).await?;
    let rows = list_activities(&api.db, workspace, id, before, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.id.to_string())))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = NewNote)]
#[serde(deny_unknown_fields)]
struct Note {
    /// The note: at most 5,000 characters.
    text: String,
}

/// Adds a note to a contact.
#[utoipa::path(post, path = "/contacts/{id}/notes", operation_id = "addContactNote", tag = "contacts",
    request_body = Note,
    responses(
        (status = 204, description = "The note is in the timeline"),
        (status = 409, description = "The contact was merged into another one"),
    )
)]
async fn note(State(api): State<Api>, By(actor): By, Id(id): Id, request: Request) -> Result<StatusCode, Problem> {
    let Note { text } = input::json(request).await?;
    let added = add_note(&api.db, &actor, id, &text).await?;
    if added { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::missing("contact", id)) }
}
