//! `/me/views`: the filters of lists that the caller keeps under names.

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use herald_people::{NewView, SavedView};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Api,
    front::{
        auth::Me,
        input::{self, Id, Parameters},
        problem::Problem,
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, save)).routes(routes!(delete))
}

#[derive(Serialize, ToSchema)]
struct Views {
    items: Vec<SavedView>,
}

/// Whose views of what.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The name of the workspace.
    workspace: String,
    /// Only views of this page, such as `jobs`.
    place: Option<String>,
}

/// Lists the views that the caller keeps in a workspace, by their names.
#[utoipa::path(get, path = "/me/views", operation_id = "listViews", tag = "me",
    params(Asked),
    responses(
        (status = 200, description = "The views", body = Views),
        (status = 404, description = "The caller is no member of this workspace"),
    )
)]
async fn list(State(api): State<Api>, me: Me, Parameters(asked): Parameters<Asked>) -> Result<Json<Views>, Problem> {
    let items = api.people.saved_views(me.user_id, &asked.workspace, asked.place.as_deref()).await?;
    Ok(Json(Views { items }))
}

/// Saves the filters of a list under a name. A view of the same name gets the new filters.
#[utoipa::path(post, path = "/me/views", operation_id = "saveView", tag = "me",
    request_body = NewView,
    responses(
        (status = 201, description = "The view", body = SavedView),
        (status = 404, description = "The caller is no member of this workspace"),
    )
)]
async fn save(State(api): State<Api>, me: Me, request: Request) -> Result<Response, Problem> {
    let new: NewView = input::json(request).await?;
    let saved = api.people.save_view(me.user_id, &new).await?;
    Ok((StatusCode::CREATED, Json(saved)).into_response())
}

/// Deletes a view.
#[utoipa::path(delete, path = "/me/views/{id}", operation_id = "deleteView", tag = "me",
    responses(
        (status = 204, description = "The view was deleted"),
    )
)]
async fn delete(State(api): State<Api>, me: Me, Id(id): Id) -> Result<StatusCode, Problem> {
    api.people.delete_view(me.user_id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
