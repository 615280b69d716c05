//! `/me`: the account of the caller.

use axum::{
    Extension, Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use herald_ledger::{audit::Actor, rate_limits::Subject};
use herald_people::{Asked, ProfileChange, Session, User};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Api,
    front::{
        actor::{ClientAddress, RequestDevice, RequestId},
        auth::Me,
        conditional::{self, Precondition, Tag, tagged},
        input::{self, Id, Name},
        problem::{Kind, Problem},
        rate_limits::{letter, not_too_often},
    },
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(show, change))
        .routes(routes!(change_password))
        .routes(routes!(ask_change_address, change_address))
        .routes(routes!(sessions))
        .routes(routes!(end_session))
        .routes(routes!(leave))
}

/// Returns the caller's account.
#[utoipa::path(get, path = "/me", operation_id = "getMe", tag = "me",
    responses(
        (status = 200, description = "The account", body = User, headers(("etag" = String,
            description = "The version of the account, for If-Match and If-None-Match"))),
    )
)]
async fn show(State(api): State<Api>, me: Me, headers: HeaderMap) -> Result<Response, Problem> {
    conditional::show(&headers, &api.people.user(me.user_id).await?)
}

/// Changes the given fields of the caller's account.
#[utoipa::path(patch, path = "/me", operation_id = "changeMe", tag = "me",
    request_body = ProfileChange,
    responses(
        (status = 200, description = "The account", body = User, headers(("etag" = String,
            description = "The version of the account, for If-Match and If-None-Match"))),
        (status = 409, description = "The username is taken"),
        (status = 412, description = "The account changed in the meantime"),
    )
)]
async fn change(
    State(api): State<Api>,
    me: Me,
    RequestDevice(device): RequestDevice,
    request: Request,
) -> Result<Response, Problem> {
    let precondition = Precondition::of(request.headers());
    let request_id = request.extensions().get::<RequestId>().map(|id| id.0.clone());
    let change: ProfileChange = input::json(request).await?;
    let actor = Actor::user(api.people.home().await?, me.user_id, request_id).from(device.address);
    let seen = api.people.user(me.user_id).await?;
    precondition.check(Some(&Tag::of_json(&seen)?))?;
    // The version makes sure that the account has not changed since the check.
    let changed = api.people.change_profile(&actor, me.user_id, Some(seen.version), &change).await?;
    tagged(StatusCode::OK, changed)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangePassword {
    #[schema(value_type = String, format = Password)]
    current: SecretString,
    #[schema(value_type = String, format = Password)]
    new: SecretString,
}

/// Changes the caller's password and ends every other session.
#[utoipa::path(put, path = "/me/password", operation_id = "changePassword", tag = "me",
    request_body = ChangePassword,
    responses(
        (status = 204, description = "The new password is set, and every other session has ended"),
        (status = 401, description = "The current password is wrong"),
        (status = 409, description = "The agency's CRM manages the password"),
    )
)]
async fn change_password(
    State(api): State<Api>,
    me: Me,
    RequestDevice(device): RequestDevice,
    request: Request,
) -> Result<StatusCode, Problem> {
    let ChangePassword { current, new } = input::json(request).await?;
    not_too_often(&api, &[Subject::User(me.user_id)]).await?;
    api.people.change_password(me.user_id, me.session_id, (&current, &new), &device).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AskChangeAddress {
    email: String,
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// Sends a code to the caller's new e-mail address.
#[utoipa::path(post, path = "/me/email", operation_id = "askChangeEmail", tag = "me",
    request_body = AskChangeAddress,
    responses(
        (status = 202, description = "Herald sends an e-mail with a code", body = Asked),
        (status = 401, description = "The password is wrong"),
        (status = 409, description = "The agency's CRM manages the password and the address"),
    )
)]
async fn ask_change_address(
    State(api): State<Api>,
    me: Me,
    Extension(from): Extension<ClientAddress>,
    request: Request,
) -> Result<(StatusCode, Json<Asked>), Problem> {
    let AskChangeAddress { email, password } = input::json(request).await?;
    not_too_often(&api, &[Subject::User(me.user_id)]).await?;
    letter(&api, &email, from).await?;
    let asked = api.people.ask_change_address(me.user_id, &password, &email).await?;
    Ok((StatusCode::ACCEPTED, Json(asked)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeAddress {
    verification_id: Uuid,
    code: String,
}

/// Sets the new e-mail address with the code from the e-mail, and ends every other session.
#[utoipa::path(put, path = "/me/email", operation_id = "changeEmail", tag = "me",
    request_body = ChangeAddress,
    responses(
        (status = 200, description = "The account", body = User),
        (status = 422, description = "The code is not valid"),
    )
)]
async fn change_address(
    State(api): State<Api>,
    me: Me,
    RequestDevice(device): RequestDevice,
    request: Request,
) -> Result<Json<User>, Problem> {
    let ChangeAddress { verification_id, code } = input::json(request).await?;
    not_too_often(&api, &[Subject::User(me.user_id)]).await?;
    api.people.change_address(me.user_id, me.session_id, (verification_id, &code), &device).await?;
    Ok(Json(api.people.user(me.user_id).await?))
}

#[derive(Serialize, ToSchema)]
struct SessionView {
    #[serde(flatten)]
    session: Session,
    /// Whether this is the session of the request.
    current: bool,
}

#[derive(Serialize, ToSchema)]
struct Sessions {
    items: Vec<SessionView>,
}

/// Lists the caller's sessions.
#[utoipa::path(get, path = "/me/sessions", operation_id = "listSessions", tag = "me",
    responses(
        (status = 200, description = "The sessions", body = Sessions),
    )
)]
async fn sessions(State(api): State<Api>, me: Me) -> Result<Json<Sessions>, Problem> {
    let found = api.people.sessions(me.user_id).await?;
    let view = |session: Session| SessionView { current: session.id == me.session_id, session };
    Ok(Json(Sessions { items: found.into_iter().map(view).collect() }))
}

/// Ends one of the caller's sessions.
#[utoipa::path(delete, path = "/me/sessions/{id}", operation_id = "endSession", tag = "me",
    responses(
        (status = 204, description = "The session has ended"),
    )
)]
async fn end_session(
    State(api): State<Api>,
    me: Me,
    RequestDevice(device): RequestDevice,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    api.people.sign_out(me.user_id, id, &device).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends the caller's membership of a workspace.
#[utoipa::path(delete, path = "/me/memberships/{name}", operation_id = "leaveWorkspace", tag = "me",
    responses(
        (status = 204, description = "Left"),
        (status = 409, description = "The last owner of a workspace cannot leave it"),
    )
)]
async fn leave(
    State(api): State<Api>,
    me: Me,
    RequestDevice(device): RequestDevice,
    Name(name): Name,
) -> Result<StatusCode, Problem> {
    let found = api.people.memberships(me.user_id, Some(&name)).await?;
    let [own] = found.as_slice() else {
        return Err(Problem::new(
            Kind::NotFound,
            format!("you are not a member of a workspace {name:?}: see GET /api/v1/workspaces for yours"),
        ));
    };
    let actor = Actor::user(own.workspace_id, me.user_id, None).from(device.address);
    api.people.remove_member(&actor, own.role, me.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
