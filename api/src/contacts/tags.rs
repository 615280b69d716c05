//! `/tags`: the words that a workspace puts on its contacts.

use axum::{Json, extract::State, http::StatusCode};
use herald_contacts::{Tag, list_tags, remove_tag};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Api,
    front::{
        actor::By,
        auth::Workspace,
        input::{Id, Parameters},
        page::{Page, PageParameters},
        problem::Problem,
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(remove))
}

/// Lists the tags in the order of their names, each with the number of its contacts.
#[utoipa::path(get, path = "/tags", operation_id = "listTags", tag = "tags",
    params(PageParameters),
    responses(
        (status = 200, description = "A page of tags", body = Page<Tag>),
    )
)]
async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(asked): Parameters<PageParameters>,
) -> Result<Json<Page<Tag>>, Problem> {
    let (after, limit) = asked.read()?;
    let rows = list_tags(&api.db, workspace, after, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.name.clone())))
}

/// Takes a tag off all contacts, and deletes it.
#[utoipa::path(delete, path = "/tags/{id}", operation_id = "deleteTag", tag = "tags",
    responses(
        (status = 204, description = "The tag was deleted"),
    )
)]
async fn remove(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<StatusCode, Problem> {
    let removed = remove_tag(&api.db, &actor, id).await?;
    if removed { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::missing("tag", id)) }
}
