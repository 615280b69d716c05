//! `/auth/setup`: the first person of an installation.

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};
use herald_people::{FirstOwner, Tokens};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Api,
    front::{
        actor::RequestDevice,
        input::{self, Name},
        problem::Problem,
    },
};

/// Each address may use these a few times a minute.
pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(look)).routes(routes!(set_up))
}

/// Whether a setup link still works.
#[derive(Serialize, ToSchema)]
struct SetupLink {
    /// Whether the link makes the first person: nobody used it, it has not expired, and there is no person yet.
    open: bool,
}

/// Says whether a setup link still works.
#[utoipa::path(get, path = "/auth/setup/{token}", operation_id = "getSetup", tag = "auth",
    params(("token" = String, Path, description = "The last part of the link")),
    responses(
        (status = 200, description = "Whether the link works", body = SetupLink),
    )
)]
async fn look(State(api): State<Api>, Name(token): Name) -> Result<Json<SetupLink>, Problem> {
    Ok(Json(SetupLink { open: api.people.is_setup_open(&token).await? }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetUp {
    /// The last part of the link that the first start of Herald printed.
    token: String,
    email: String,
    #[schema(value_type = String, format = Password)]
    password: SecretString,
    /// The language, as a BCP 47 tag.
    #[serde(default = "super::auth::english")]
    locale: String,
    /// The time zone, as an IANA name.
    #[serde(default = "super::auth::utc")]
    time_zone: String,
}

/// Makes the first person of the installation, who administers it and owns its first workspace.
#[utoipa::path(post, path = "/auth/setup", operation_id = "setUp", tag = "auth",
    request_body = SetUp,
    responses(
        (status = 201, description = "Made and signed in", body = Tokens),
        (status = 422, description = "The link does not work any more, or a field is wrong"),
    )
)]
async fn set_up(
    State(api): State<Api>,
    RequestDevice(device): RequestDevice,
    request: Request,
) -> Result<(StatusCode, Json<Tokens>), Problem> {
    let SetUp { token, email, password, locale, time_zone } = input::json(request).await?;
    let workspace = herald_people::ensure_default_workspace(&api.db).await?;
    let first = FirstOwner { token, email, password, locale, time_zone };
    Ok((StatusCode::CREATED, Json(api.people.set_up(first, workspace, &device).await?)))
}
