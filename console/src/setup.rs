//! The page of the link that the first start prints: it makes the first person.

use axum::{
    Router,
    extract::{Path, Request, State},
    http::{Method, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use serde_json::json;

use crate::{
    Console,
    api::{Caller, Refusal},
    cookie::Cookie,
    form::{Filled, Form},
    page,
    query::part,
    sign_in,
};

pub(crate) fn routes() -> Router<Console> {
    Router::new().route("/setup/{token}", get(show).post(set_up))
}

async fn show(State(console): State<Console>, Path(token): Path<String>, request: Request) -> Response {
    let caller = Caller::of(request.headers(), request.extensions());
    match console.api.get(&caller, &format!("/api/v1/auth/setup/{}", part(&token))).await {
        Ok(link) if link["open"] == true => {
            page::open(&console, "setup.html", StatusCode::OK, json!({ "token": token, "filled": Filled::default() }))
        }
        Ok(_) => {
            let detail = "the link was used or has expired, or this Herald has its first person already. Sign in, or \
                          start Herald again to get another link";
            let mut refusal = Refusal::of(StatusCode::GONE, detail);
            refusal.title = "This link does not work any more".to_owned();
            page::alone(&console, &refusal)
        }
        Err(refusal) => page::alone(&console, &refusal),
    }
}

async fn set_up(State(console): State<Console>, Path(token): Path<String>, request: Request) -> Response {
    let caller = Caller::of(request.headers(), request.extensions());
    let form = match Form::read(request).await {
        Ok(form) => form,
        Err(refusal) => return page::alone(&console, &refusal),
    };
    match begin(&console, caller, &token, &form).await {
        Ok(cookie) => {
            let mut response = Redirect::to("/").into_response();
            let seconds = console.session_seconds();
            response.headers_mut().append(header::SET_COOKIE, Cookie::Session.set(&cookie, seconds, console.is_secure));
            response
        }
        Err(refusal) => {
            let filled = Filled::refused("setUp", &form, &refusal);
            page::open(&console, "setup.html", refusal.status, json!({ "token": token, "filled": filled }))
        }
    }
}

/// Makes the person, and begins their session.
async fn begin(console: &Console, mut caller: Caller, token: &str, form: &Form) -> Result<String, Refusal> {
    let mut body = json!({
        "token": token,
        "email": form.get("email").unwrap_or_default(),
        "password": form.raw("password").unwrap_or_default(),
    });
    if let Some(zone) = form.get("time_zone") {
        body["time_zone"] = zone.into();
    }
    let made = console.api.call(&caller, Method::POST, "/api/v1/auth/setup", &[], Some(&body)).await?;
    sign_in::open_browser_session(console, &mut caller, &made.body).await.map(|(cookie, _)| cookie)
}
