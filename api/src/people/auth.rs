//! `/auth`: signing up, in and out. An address that is known and one that is not get the same answers.

use axum::{
    Json, Router,
    extract::{Request, State},
    http::StatusCode,
    routing::post,
};
use herald_shared::{
    people::{Asked, Registration, Tokens},
    rate_limits::Class,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Api, actor::From, auth::Me, input, problem::Problem, rate_limits::refusal};

pub(super) fn open_routes() -> Router<Api> {
    Router::new().route("/auth/refresh", post(refresh))
}

/// Each address and each account may ask for these a few times a minute.
pub(super) fn sign_in_routes() -> Router<Api> {
    Router::new()
        .route("/auth/register", post(register))
        .route("/auth/verify", post(verify))
        .route("/auth/login", post(login))
        .route("/auth/password/forgot", post(forgot))
        .route("/auth/password/reset", post(reset))
}

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/auth/logout", post(logout)).route("/auth/logout-everywhere", post(logout_everywhere))
}

/// Counts a try against the account: guesses at one account from many addresses are as slow as from one.
async fn not_too_often(api: &Api, email: &str) -> Result<(), Problem> {
    let decision = api.rate_limits.decide(&[api.rate_limits.account(email)], Class::SignIn, 1).await;
    if decision.allowed { Ok(()) } else { Err(refusal(&decision)) }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Register {
    email: String,
    password: SecretString,
    #[serde(default = "english")]
    locale: String,
    #[serde(default = "utc")]
    time_zone: String,
    /// The token of an invitation into a workspace.
    invitation: Option<String>,
}

fn english() -> String {
    "en".to_owned()
}

fn utc() -> String {
    "UTC".to_owned()
}

/// Sends a code to the address, with which the registration is ended at `/auth/verify`.
async fn register(State(api): State<Api>, request: Request) -> Result<(StatusCode, Json<Asked>), Problem> {
    let Register { email, password, locale, time_zone, invitation } = input::json(request).await?;
    not_too_often(&api, &email).await?;
    let asked = api.people.register(Registration { email, password, locale, time_zone, invitation }).await?;
    Ok((StatusCode::ACCEPTED, Json(asked)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Verify {
    verification_id: Uuid,
    code: String,
}

/// Ends a registration with the code from the letter, and signs in.
async fn verify(
    State(api): State<Api>,
    From(device): From,
    request: Request,
) -> Result<(StatusCode, Json<Tokens>), Problem> {
    let Verify { verification_id, code } = input::json(request).await?;
    Ok((StatusCode::CREATED, Json(api.people.verify(verification_id, &code, &device).await?)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    email: String,
    password: SecretString,
}

/// Signs in.
async fn login(State(api): State<Api>, From(device): From, request: Request) -> Result<Json<Tokens>, Problem> {
    let Login { email, password } = input::json(request).await?;
    not_too_often(&api, &email).await?;
    Ok(Json(api.people.sign_in(&email, &password, &device).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refresh {
    refresh_token: SecretString,
}

/// A new pair of tokens for a refresh token. One that comes a second time ends its session.
async fn refresh(State(api): State<Api>, request: Request) -> Result<Json<Tokens>, Problem> {
    let Refresh { refresh_token } = input::json(request).await?;
    Ok(Json(api.people.refresh(&refresh_token).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Forgot {
    email: String,
}

/// Sends a code for a new password.
async fn forgot(State(api): State<Api>, request: Request) -> Result<(StatusCode, Json<Asked>), Problem> {
    let Forgot { email } = input::json(request).await?;
    not_too_often(&api, &email).await?;
    Ok((StatusCode::ACCEPTED, Json(api.people.ask_reset(&email).await?)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reset {
    verification_id: Uuid,
    code: String,
    password: SecretString,
}

/// Sets a new password with the code from the letter, and ends every session.
async fn reset(State(api): State<Api>, From(device): From, request: Request) -> Result<StatusCode, Problem> {
    let Reset { verification_id, code, password } = input::json(request).await?;
    api.people.reset(verification_id, &code, &password, &device).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends the session of the token.
async fn logout(State(api): State<Api>, me: Me, From(device): From) -> Result<StatusCode, Problem> {
    api.people.sign_out(me.user_id, me.session_id, &device).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize)]
struct Ended {
    /// How many sessions there were.
    sessions: u64,
}

/// Ends every session, on every device.
async fn logout_everywhere(State(api): State<Api>, me: Me, From(device): From) -> Result<Json<Ended>, Problem> {
    Ok(Json(Ended { sessions: api.people.sign_out_everywhere(me.user_id, &device).await? }))
}
