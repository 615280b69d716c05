//! `/forgot` and `/reset`: a new password, with the code that was sent to the person's address.

use axum::{
    Router,
    extract::{Request, State},
    http::{Method, StatusCode},
    response::{Redirect, Response},
    routing::get,
};
use serde_json::json;

use super::enter;
use crate::{
    Console,
    api::{Caller, Refusal},
    form::{Filled, Form},
    page,
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/forgot", get(show).post(forgot))
        .route("/reset", get(|| async { Redirect::to("/forgot") }).post(reset))
}

async fn show(State(console): State<Console>) -> Response {
    page::open(&console, "doors/forgot.html", StatusCode::OK, json!({ "filled": Filled::default() }))
}

async fn forgot(State(console): State<Console>, request: Request) -> Response {
    let caller = Caller::of(request.headers(), request.extensions());
    let form = match Form::read(request).await {
        Ok(form) => form,
        Err(refusal) => return page::alone(&console, &refusal),
    };
    let body = json!({ "email": form.get("email").unwrap_or_default() });
    match console.api.call(&caller, Method::POST, "/api/v1/auth/password/forgot", &[], Some(&body)).await {
        Ok(asked) => {
            let own = json!({
                "email": form.get("email"), "verification_id": asked.body["verification_id"],
                "expires_at": asked.body["expires_at"], "filled": Filled::default(),
            });
            page::open(&console, "doors/reset.html", StatusCode::OK, own)
        }
        Err(refusal) => {
            let own = json!({ "filled": Filled::refused("forgotPassword", &form, &refusal) });
            page::open(&console, "doors/forgot.html", refusal.status, own)
        }
    }
}

async fn reset(State(console): State<Console>, request: Request) -> Response {
    let caller = Caller::of(request.headers(), request.extensions());
    let form = match Form::read(request).await {
        Ok(form) => form,
        Err(refusal) => return page::alone(&console, &refusal),
    };
    if let Err(refusal) = set(&console, &caller, &form).await {
        let own = json!({
            "email": form.get("email"), "verification_id": form.get("verification_id"), "expires_at": null,
            "filled": Filled::refused("resetPassword", &form, &refusal),
        });
        return page::open(&console, "doors/reset.html", refusal.status, own);
    }
    match begin(&console, caller, &form).await {
        Ok(response) => response,
        // The password is set. Whatever keeps the person out, the page for signing in says.
        Err(refusal) => {
            let filled = Filled::refused("login", &form, &refusal);
            let own = json!({ "then": "/", "resume": null, "filled": filled });
            page::open(&console, "sign_in.html", refusal.status, own)
        }
    }
}

async fn set(console: &Console, caller: &Caller, form: &Form) -> Result<(), Refusal> {
    let body = json!({
        "verification_id": form.get("verification_id").unwrap_or_default(),
        "code": form.get("code").unwrap_or_default(),
        "password": form.raw("password").unwrap_or_default(),
    });
    console.api.call(caller, Method::POST, "/api/v1/auth/password/reset", &[], Some(&body)).await.map(drop)
}

async fn begin(console: &Console, caller: Caller, form: &Form) -> Result<Response, Refusal> {
    let body = json!({
        "email": form.get("email").unwrap_or_default(),
        "password": form.raw("password").unwrap_or_default(),
    });
    let tokens = console.api.call(&caller, Method::POST, "/api/v1/auth/login", &[], Some(&body)).await?;
    enter(console, caller, &tokens.body, "/").await
}
