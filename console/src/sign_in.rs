//! Signing in and out.

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use crate::{
    Console,
    api::{Caller, Refusal},
    cookie::Cookie,
    form::{self, Filled, Form},
    page,
    query::Query,
    visit::{Missing, Stop, Visit},
};

pub(crate) fn routes() -> Router<Console> {
    Router::new().route("/sign-in", get(show).post(sign_in)).route("/sign-out", post(sign_out))
}

async fn show(State(console): State<Console>, request: Request) -> Response {
    let query = Query::of(request.uri().path_and_query().map_or("/", |path| path.as_str()));
    let then = query.get("then").filter(|path| form::is_local(path)).unwrap_or("/").to_owned();
    let (mut parts, _) = request.into_parts();
    if Visit::of(&mut parts, &console).await.is_ok() {
        return Redirect::to(&then).into_response();
    }
    page::open(
        &console,
        "sign_in.html",
        StatusCode::OK,
        json!({ "then": then, "resume": (), "filled": Filled::default() }),
    )
}

async fn sign_in(State(console): State<Console>, request: Request) -> Response {
    let caller = Caller::of(request.headers(), request.extensions());
    let form = match Form::read(request).await {
        Ok(form) => form,
        Err(refusal) => return page::alone(&console, &refusal),
    };
    match begin(&console, caller, &form).await {
        Ok((token, caller)) => {
            let then = form.get("then").filter(|path| form::is_local(path)).unwrap_or("/");
            let mut response = match form.get("resume_to").filter(|path| form::is_local(path)) {
                Some(to) => send_again(&console, caller, to, &form).await,
                None => Redirect::to(then).into_response(),
            };
            let seconds = console.session_seconds();
            response.headers_mut().append(header::SET_COOKIE, Cookie::Session.set(&token, seconds, console.is_secure));
            response
        }
        Err(refusal) => {
            let filled = Filled::refused("login", &form, &refusal);
            let own = json!({ "then": form.get("then"), "resume": resume(&form), "filled": filled });
            page::open(&console, "sign_in.html", refusal.status, own)
        }
    }
}

/// Begins a session of a browser.
async fn begin(console: &Console, mut caller: Caller, form: &Form) -> Result<(String, Caller), Refusal> {
    let body =
        json!({ "email": form.get("email").unwrap_or_default(), "password": form.raw("password").unwrap_or_default() });
    let signed_in = console.api.call(&caller, Method::POST, "/api/v1/auth/login", &[], Some(&body)).await?;
    open_browser_session(console, &mut caller, &signed_in.body).await
}

/// The cookie's token, for the tokens of a session that just began.
pub(crate) async fn open_browser_session(
    console: &Console,
    caller: &mut Caller,
    tokens: &Value,
) -> Result<(String, Caller), Refusal> {
    let body = json!({ "refresh_token": tokens["refresh_token"] });
    let made = console.api.call(caller, Method::POST, "/api/v1/auth/browser", &[], Some(&body)).await?;
    let token = made.body["token"].as_str().unwrap_or_default().to_owned();
    caller.token = Some(token.clone());
    Ok((token, caller.clone()))
}

/// What a page of a session that had ended wanted to send, as it came with the form for signing in.
fn resume(form: &Form) -> Option<Value> {
    let to = form.get("resume_to").filter(|path| form::is_local(path))?;
    let back = form.get("resume_back").filter(|path| form::is_local(path));
    Some(json!({ "to": to, "back": back, "fields": resumed(form) }))
}

fn resumed(form: &Form) -> Vec<(String, String)> {
    let pairs = form.fields().filter_map(|(name, value)| Some((name.strip_prefix("field.")?, value)));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Shows what the form of an ended session held, to be sent once more.
async fn send_again(console: &Console, caller: Caller, to: &str, form: &Form) -> Response {
    let mut headers = HeaderMap::new();
    let token = caller.token.clone().unwrap_or_default();
    // The visit of the session that just began, which the browser does not know yet.
    let pair = Cookie::Session.set(&token, console.session_seconds(), console.is_secure);
    headers.insert(header::COOKIE, pair);
    let mut request = Request::new(axum::body::Body::empty());
    *request.headers_mut() = headers;
    *request.extensions_mut() = caller.extensions();
    *request.uri_mut() = to.parse().unwrap_or_default();
    let (mut parts, _) = request.into_parts();
    match Visit::of(&mut parts, console).await {
        Ok(visit) => {
            let own = json!({ "to": to, "fields": resumed(form), "back": form.get("resume_back") });
            page::page(&visit, "send_again.html").show(own)
        }
        Err(Missing::Page(stop)) => stop.into_response(),
        Err(Missing::Session) => Redirect::to("/sign-in").into_response(),
    }
}

/// Ends the session here and everywhere it is known.
async fn sign_out(State(console): State<Console>, request: Request) -> Result<Response, Stop> {
    let (mut parts, body) = request.into_parts();
    let visit = Visit::of(&mut parts, &console).await;
    let form = Form::read(Request::from_parts(parts, body)).await;
    if let (Ok(visit), Ok(form)) = (visit, form)
        && visit.trusts(&form)
    {
        let ended = console.api.call(&visit.caller, Method::POST, "/api/v1/auth/logout", &[], None).await;
        ended.map_err(|refusal| visit.stop(&refusal))?;
    }
    let mut response = Redirect::to("/sign-in").into_response();
    response.headers_mut().append(header::SET_COOKIE, Cookie::Session.remove(console.is_secure));
    Ok(response)
}
