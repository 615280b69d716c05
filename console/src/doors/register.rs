//! `/register` and `/verify`: an account for a person with an address, once the code that was sent there comes back.

use axum::{
    Router,
    extract::{Request, State},
    http::{Method, StatusCode},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use serde_json::{Value, json};

use super::{enter, token_of};
use crate::{
    Console,
    api::{Caller, Refusal},
    form::{Filled, Form},
    page,
    visit::Visit,
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/register", get(show).post(register))
        // The page of the code comes only after the one before it.
        .route("/verify", get(|| async { Redirect::to("/register") }).post(verify))
}

async fn show(State(console): State<Console>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    if Visit::of(&mut parts, &console).await.is_ok() {
        return Redirect::to("/").into_response();
    }
    let own = json!({ "filled": Filled::default(), "invitation": "" });
    page::open(&console, "doors/register.html", StatusCode::OK, own)
}

async fn register(State(console): State<Console>, request: Request) -> Response {
    let caller = Caller::of(request.headers(), request.extensions());
    let form = match Form::read(request).await {
        Ok(form) => form,
        Err(refusal) => return page::alone(&console, &refusal),
    };
    match ask(&console, &caller, &form).await {
        Ok(asked) => {
            let own = json!({
                "email": form.get("email"), "verification_id": asked["verification_id"],
                "expires_at": asked["expires_at"], "filled": Filled::default(),
            });
            page::open(&console, "doors/verify.html", StatusCode::OK, own)
        }
        Err(refusal) => {
            let filled = Filled::refused("register", &form, &refusal);
            // The invitation stays in the form: it came with it, and the person may only have mistyped a password.
            let invitation = form.get("invitation").map(token_of);
            let own = json!({ "filled": filled, "invitation": invitation });
            page::open(&console, "doors/register.html", refusal.status, own)
        }
    }
}

async fn ask(console: &Console, caller: &Caller, form: &Form) -> Result<Value, Refusal> {
    let mut body = json!({
        "email": form.get("email").unwrap_or_default(),
        "password": form.raw("password").unwrap_or_default(),
    });
    if let Some(zone) = form.get("time_zone") {
        body["time_zone"] = zone.into();
    }
    if let Some(invitation) = form.get("invitation").map(token_of) {
        body["invitation"] = invitation.into();
    }
    Ok(console.api.call(caller, Method::POST, "/api/v1/auth/register", &[], Some(&body)).await?.body)
}

async fn verify(State(console): State<Console>, request: Request) -> Response {
    let caller = Caller::of(request.headers(), request.extensions());
    let form = match Form::read(request).await {
        Ok(form) => form,
        Err(refusal) => return page::alone(&console, &refusal),
    };
    match begin(&console, caller, &form).await {
        Ok(response) => response,
        Err(refusal) => {
            let own = json!({
                "email": form.get("email"), "verification_id": form.get("verification_id"), "expires_at": null,
                "filled": Filled::refused("verify", &form, &refusal),
            });
            page::open(&console, "doors/verify.html", refusal.status, own)
        }
    }
}

async fn begin(console: &Console, caller: Caller, form: &Form) -> Result<Response, Refusal> {
    let body = json!({
        "verification_id": form.get("verification_id").unwrap_or_default(),
        "code": form.get("code").unwrap_or_default(),
    });
    let tokens = console.api.call(&caller, Method::POST, "/api/v1/auth/verify", &[], Some(&body)).await?;
    enter(console, caller, &tokens.body, "/").await
}
