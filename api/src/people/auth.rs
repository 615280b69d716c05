//! `/auth`: registration, sign-in and sign-out. Known and unknown addresses get the same answers.

use axum::{
    Extension, Json,
    extract::{Request, State},
    http::StatusCode,
};
use herald_people::{Asked, Registration, Tokens};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Api,
    front::{
        actor::{ClientAddress, RequestDevice},
        auth::Me,
        input,
        problem::Problem,
        rate_limits::{guess, letter},
    },
};

pub(super) fn open_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(refresh)).routes(routes!(browser))
}

/// The routes that each address and each account may call a few times a minute.
pub(super) fn sign_in_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(verify))
        .routes(routes!(login))
        .routes(routes!(forgot))
        .routes(routes!(reset))
}

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(logout)).routes(routes!(logout_everywhere))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Register {
    email: String,
    #[schema(value_type = String, format = Password)]
    password: SecretString,
    #[serde(default = "english")]
    locale: String,
    #[serde(default = "utc")]
    time_zone: String,
    /// The token of an invitation into a workspace.
    invitation: Option<String>,
}

pub(super) fn english() -> String {
    "en".to_owned()
}

pub(super) fn utc() -> String {
    "UTC".to_owned()
}

/// Registers a person and sends a code to the e-mail address. `/auth/verify` completes the registration with the code.
#[utoipa::path(post, path = "/auth/register", operation_id = "register", tag = "auth",
    request_body = Register,
    responses(
        (status = 202, description = "Herald sends an e-mail with a code", body = Asked),
        (status = 403, description = "Registration is by invitation only"),
        (status = 422, description = "A field is wrong"),
        (status = 429, description = "Too many attempts"),
    )
)]
async fn register(
    State(api): State<Api>,
    Extension(from): Extension<ClientAddress>,
    request: Request,
) -> Result<(StatusCode, Json<Asked>), Problem> {
    let Register { email, password, locale, time_zone, invitation } = input::json(request).await?;
    letter(&api, &email, from).await?;
    let asked = api.people.register(Registration { email, password, locale, time_zone, invitation }).await?;
    Ok((StatusCode::ACCEPTED, Json(asked)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Verify {
    verification_id: Uuid,
    code: String,
}

/// Completes a registration with the code from the e-mail, and signs in.
#[utoipa::path(post, path = "/auth/verify", operation_id = "verify", tag = "auth",
    request_body = Verify,
    responses(
        (status = 201, description = "Registered and signed in", body = Tokens),
        (status = 422, description = "The code is not valid"),
        (status = 429, description = "Too many attempts"),
    )
)]
async fn verify(
    State(api): State<Api>,
    RequestDevice(device): RequestDevice,
    request: Request,
) -> Result<(StatusCode, Json<Tokens>), Problem> {
    let Verify { verification_id, code } = input::json(request).await?;
    Ok((StatusCode::CREATED, Json(api.people.verify(verification_id, &code, &device).await?)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    email: String,
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// Signs a person in with e-mail address and password.
#[utoipa::path(post, path = "/auth/login", operation_id = "login", tag = "auth",
    request_body = Login,
    responses(
        (status = 200, description = "Signed in", body = Tokens),
        (status = 401, description = "The e-mail address or the password is wrong"),
        (status = 503, description = "The agency's CRM, which checks the password, does not answer"),
        (status = 429, description = "Too many attempts"),
    )
)]
async fn login(
    State(api): State<Api>,
    Extension(from): Extension<ClientAddress>,
    RequestDevice(device): RequestDevice,
    request: Request,
) -> Result<Json<Tokens>, Problem> {
    let Login { email, password } = input::json(request).await?;
    guess(&api, &email, from).await?;
    Ok(Json(api.people.sign_in(&email, &password, &device).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Refresh {
    #[schema(value_type = String, format = Password)]
    refresh_token: SecretString,
}

/// Returns a new pair of tokens for a refresh token. A refresh token that is used twice ends its session.
#[utoipa::path(post, path = "/auth/refresh", operation_id = "refresh", tag = "auth",
    request_body = Refresh,
    responses(
        (status = 200, description = "A new pair of tokens", body = Tokens),
        (status = 401, description = "The session has ended"),
        (status = 429, description = "Too many requests"),
    )
)]
async fn refresh(State(api): State<Api>, request: Request) -> Result<Json<Tokens>, Problem> {
    let Refresh { refresh_token } = input::json(request).await?;
    Ok(Json(api.people.refresh(&refresh_token).await?))
}

/// The token of a browser's session.
#[derive(Serialize, ToSchema)]
struct BrowserToken {
    /// The token, which opens the same as an access token and lasts as long as the session.
    token: String,
}

/// Exchanges a refresh token for the token of a browser, which keeps it in a cookie.
#[utoipa::path(post, path = "/auth/browser", operation_id = "openBrowserSession", tag = "auth",
    request_body = Refresh,
    responses(
        (status = 201, description = "The token", body = BrowserToken),
        (status = 401, description = "The session has ended"),
        (status = 429, description = "Too many requests"),
    )
)]
async fn browser(State(api): State<Api>, request: Request) -> Result<(StatusCode, Json<BrowserToken>), Problem> {
    let Refresh { refresh_token } = input::json(request).await?;
    let token = api.people.browser_token(&refresh_token).await?;
    Ok((StatusCode::CREATED, Json(BrowserToken { token })))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Forgot {
    email: String,
}

/// Sends a code with which a person can set a new password.
#[utoipa::path(post, path = "/auth/password/forgot", operation_id = "forgotPassword", tag = "auth",
    request_body = Forgot,
    responses(
        (status = 202, description = "If the address belongs to an account, Herald sends a code", body = Asked),
        (status = 422, description = "A field is wrong"),
        (status = 429, description = "Too many attempts"),
    )
)]
async fn forgot(
    State(api): State<Api>,
    Extension(from): Extension<ClientAddress>,
    request: Request,
) -> Result<(StatusCode, Json<Asked>), Problem> {
    let Forgot { email } = input::json(request).await?;
    letter(&api, &email, from).await?;
    Ok((StatusCode::ACCEPTED, Json(api.people.ask_reset(&email).await?)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Reset {
    verification_id: Uuid,
    code: String,
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// Sets a new password with the code from the e-mail, and ends every session.
#[utoipa::path(post, path = "/auth/password/reset", operation_id = "resetPassword", tag = "auth",
    request_body = Reset,
    responses(
        (status = 204, description = "The new password is set, and every session has ended"),
        (status = 422, description = "The code is not valid, or the password cannot be used"),
        (status = 429, description = "Too many attempts"),
    )
)]
async fn reset(
    State(api): State<Api>,
    RequestDevice(device): RequestDevice,
    request: Request,
) -> Result<StatusCode, Problem> {
    let Reset { verification_id, code, password } = input::json(request).await?;
    api.people.reset(verification_id, &code, &password, &device).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends the session of the token.
#[utoipa::path(post, path = "/auth/logout", operation_id = "logout", tag = "auth",
    responses(
        (status = 204, description = "The session has ended"),
    )
)]
async fn logout(State(api): State<Api>, me: Me, RequestDevice(device): RequestDevice) -> Result<StatusCode, Problem> {
    api.people.sign_out(me.user_id, me.session_id, &device).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize, ToSchema)]
struct SessionsEnded {
    /// The number of ended sessions.
    sessions: u64,
}

/// Ends every session of the caller, on every device.
#[utoipa::path(post, path = "/auth/logout-everywhere", operation_id = "logoutEverywhere", tag = "auth",
    responses(
        (status = 200, description = "Every session has ended", body = SessionsEnded),
    )
)]
async fn logout_everywhere(
    State(api): State<Api>,
    me: Me,
    RequestDevice(device): RequestDevice,
) -> Result<Json<SessionsEnded>, Problem> {
    Ok(Json(SessionsEnded { sessions: api.people.sign_out_everywhere(me.user_id, &device).await? }))
}
