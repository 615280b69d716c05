//! `/me`: a person's own account.

use axum::{
    Json, Router,
    extract::{Request, State},
    http::StatusCode,
    routing::{delete, get, post, put},
};
use herald_shared::{
    ledger::audit::Actor,
    people::{Asked, ProfileChange, Session, User},
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Api,
    actor::{From, RequestId},
    auth::Me,
    input::{self, Id, Name},
    problem::{Kind, Problem},
};

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/me", get(show).patch(change))
        .route("/me/password", put(change_password))
        .route("/me/email", post(ask_change_address).put(change_address))
        .route("/me/sessions", get(sessions))
        .route("/me/sessions/{id}", delete(end_session))
        .route("/me/memberships/{name}", delete(leave))
}

async fn show(State(api): State<Api>, me: Me) -> Result<Json<User>, Problem> {
    Ok(Json(api.people.user(me.user_id).await?))
}

/// Changes what is named; the rest stays.
async fn change(State(api): State<Api>, me: Me, From(device): From, request: Request) -> Result<Json<User>, Problem> {
    let request_id = request.extensions().get::<RequestId>().map(|id| id.0.clone());
    let change: ProfileChange = input::json(request).await?;
    let actor = Actor::user(api.people.home().await?, me.user_id, request_id).from(device.address);
    Ok(Json(api.people.change_profile(&actor, me.user_id, None, &change).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangePassword {
    current: SecretString,
    new: SecretString,
}

/// Changes the password; every other session ends.
async fn change_password(
    State(api): State<Api>,
    me: Me,
    From(device): From,
    request: Request,
) -> Result<StatusCode, Problem> {
    let ChangePassword { current, new } = input::json(request).await?;
    api.people.change_password(me.user_id, me.session_id, (&current, &new), &device).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskChangeAddress {
    email: String,
    password: SecretString,
}

/// Sends a code to a new address.
async fn ask_change_address(
    State(api): State<Api>,
    me: Me,
    request: Request,
) -> Result<(StatusCode, Json<Asked>), Problem> {
    let AskChangeAddress { email, password } = input::json(request).await?;
    let asked = api.people.ask_change_address(me.user_id, &password, &email).await?;
    Ok((StatusCode::ACCEPTED, Json(asked)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeAddress {
    verification_id: Uuid,
    code: String,
}

/// Takes the new address with the code from the letter; every other session ends.
async fn change_address(
    State(api): State<Api>,
    me: Me,
    From(device): From,
    request: Request,
) -> Result<Json<User>, Problem> {
    let ChangeAddress { verification_id, code } = input::json(request).await?;
    api.people.change_address(me.user_id, me.session_id, (verification_id, &code), &device).await?;
    Ok(Json(api.people.user(me.user_id).await?))
}

#[derive(Serialize)]
struct SessionView {
    #[serde(flatten)]
    session: Session,
    /// Whether it is the one that asks.
    current: bool,
}

#[derive(Serialize)]
struct Sessions {
    items: Vec<SessionView>,
}

async fn sessions(State(api): State<Api>, me: Me) -> Result<Json<Sessions>, Problem> {
    let found = api.people.sessions(me.user_id).await?;
    let view = |session: Session| SessionView { current: session.id == me.session_id, session };
    Ok(Json(Sessions { items: found.into_iter().map(view).collect() }))
}

/// Signs a device out.
async fn end_session(State(api): State<Api>, me: Me, From(device): From, Id(id): Id) -> Result<StatusCode, Problem> {
    api.people.sign_out(me.user_id, id, &device).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Leaves a workspace.
async fn leave(State(api): State<Api>, me: Me, From(device): From, Name(name): Name) -> Result<StatusCode, Problem> {
    let found = api.people.memberships(me.user_id, Some(&name)).await?;
    let [own] = found.as_slice() else {
        return Err(Problem::new(Kind::NotFound, format!("there is no workspace {name:?} of yours")));
    };
    let actor = Actor::user(own.workspace_id, me.user_id, None).from(device.address);
    api.people.remove_member(&actor, own.role, me.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
