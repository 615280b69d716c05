//! `/keys`: API keys of the workspace, for programs.

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};
use chrono::{DateTime, Utc};
use herald_people as people;
use herald_people::{ApiKey, NewKey, Role, Scope, SeenKey};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Api,
    front::{
        access,
        actor::By,
        auth::{GivenBy, Workspace},
        input::{self, Id, Parameters},
        page::{Page, PageParameters},
        problem::Problem,
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, make)).routes(routes!(revoke))
}

/// Lists the keys of the workspace, the newest first.
#[utoipa::path(get, path = "/keys", operation_id = "listKeys", tag = "keys",
    params(PageParameters),
    responses(
        (status = 200, description = "A page of the keys", body = Page<SeenKey>),
    )
)]
async fn list(
    State(api): State<Api>,
    Workspace(workspace): Workspace,
    Parameters(asked): Parameters<PageParameters>,
) -> Result<Json<Page<SeenKey>>, Problem> {
    let (before, limit) = asked.read()?;
    let rows = api.people.keys(workspace, before, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.id.to_string())))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MakeKey {
    name: String,
    role: Role,
    #[serde(default)]
    platform_admin: bool,
    #[schema(value_type = Option<Vec<String>>)]
    scopes: Option<Vec<Scope>>,
    expires_at: Option<DateTime<Utc>>,
}

/// Creates a key with at most the caller's own rights. Only this answer shows the key.
#[utoipa::path(post, path = "/keys", operation_id = "makeKey", tag = "keys",
    request_body = MakeKey,
    responses(
        (status = 201, description = "The key, which only this answer shows", body = ApiKey),
    )
)]
async fn make(
    State(api): State<Api>,
    By(actor): By,
    GivenBy(giver): GivenBy,
    request: Request,
) -> Result<(StatusCode, Json<ApiKey>), Problem> {
    let MakeKey { name, role, platform_admin, scopes, expires_at } = input::json(request).await?;
    if let Some(unknown) = scopes.iter().flatten().find(|scope| !access::areas().any(|area| area == scope.area)) {
        let known: Vec<&str> = access::areas().collect();
        let detail = format!("{} is not an area: use some of {}", unknown.area, known.join(", "));
        return Err(Problem::field("scopes", detail));
    }
    let new = NewKey { name, role, platform_admin, scopes, expires_at };
    let made = people::make_key_within(&api.db, &api.settings.quotas, &actor, &giver, new).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Revokes a key, together with everything that was created with it.
#[utoipa::path(delete, path = "/keys/{id}", operation_id = "revokeKey", tag = "keys",
    responses(
        (status = 204, description = "The key was revoked"),
    )
)]
async fn revoke(State(api): State<Api>, By(actor): By, Id(id): Id) -> Result<StatusCode, Problem> {
    api.people.revoke_key(&actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
