//! Forms with files: one route for all of them, each of which is one call of the API.
//!
//! The form goes on to the API while it arrives. So an upload of any size takes little memory, and the API alone
//! decides how large it may be.
//!
//! ```text
//! browser ──▶ token, once, back ──▶ every other field, as it comes ──▶ a form with a boundary of its own ──▶ API
//! ```

mod arriving;
mod outgoing;

use std::time::Duration;

use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, FromRequest, Multipart, Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::post,
};
use futures::{
    StreamExt,
    future::{Either, select},
    stream,
};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout};

use self::{
    arriving::{Arriving, Rules},
    outgoing::{Ended, Outgoing},
};
use crate::{
    Console, act,
    api::{self, Answer, IDEMPOTENCY_KEY, Refusal},
    cookie::Cookie,
    description::Operation,
    form::{Filled, ONCE},
    page,
    visit::{Missing, Visit, filled_in},
};

/// How long the rest of a refused form is read. A browser that cannot send its form would not read the answer either.
const DRAIN: Duration = Duration::from_secs(5);
/// How long the fields that belong to the console may take to arrive.
const FIRST: Duration = Duration::from_secs(30);
/// The pieces of a form that wait for the API.
const PIECES: usize = 4;

/// One form with files.
struct Upload {
    /// The operation of the API, which names the form's address.
    operation: &'static str,
    /// The fields that hold an object: the field `destination.folder` goes into the object `destination`.
    objects: &'static [&'static str],
    /// What is special about its fields.
    rules: Rules,
    /// What the next page says.
    said: fn(&Value) -> String,
    /// The page that shows what was made; `{id}` stands for the id of the answer. `None` leads back to the form.
    to: Option<&'static str>,
}

const UPLOADS: &[Upload] = &[
    Upload {
        operation: "checkRun",
        objects: &["destination"],
        rules: Rules::NONE,
        said: |_| String::new(),
        to: Some("/runs/checks/{id}"),
    },
    Upload {
        operation: "createImport",
        objects: &[],
        rules: Rules::NONE,
        said: |_| String::new(),
        to: Some("/imports/{id}"),
    },
    Upload {
        operation: "uploadTemplate",
        objects: &[],
        rules: Rules::NONE,
        said: |_| "The template is stored.".to_owned(),
        to: Some("/templates/{id}"),
    },
    Upload {
        operation: "replaceGuestPicture",
        objects: &[],
        rules: Rules { path: &["id", "guest"], ..Rules::NONE },
        said: |_| "The picture is replaced, and the invitation is made again.".to_owned(),
        to: None,
    },
    Upload {
        operation: "saveTemplate",
        objects: &[],
        // The editor's form also says how the sample is drawn.
        rules: Rules { path: &["id"], whole: &["manifest"], only: &["manifest", "after", "files"] },
        said: |_| "The version is saved. The next run gets it; runs that have begun keep theirs.".to_owned(),
        to: Some("/templates/{id}/edit"),
    },
];

pub(crate) fn routes() -> Router<Console> {
    Router::new().route("/w/{ws}/uploads/{upload}", post(upload)).layer(DefaultBodyLimit::disable())
}

/// Sends a form on, and leads to the page that shows its effect.
async fn upload(State(console): State<Console>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let visit = Visit::of(&mut parts, &console).await;
    let name = parts.uri.path().rsplit('/').next().unwrap_or_default().to_owned();
    let upload = UPLOADS.iter().find(|upload| upload.operation == name);
    let announced = parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let form = match Multipart::from_request(Request::from_parts(parts, body), &()).await {
        Ok(form) => form,
        Err(_) => {
            let refusal = Refusal::of(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the request is not a form with files");
            return page::alone(&console, &refusal);
        }
    };
    let rules = upload.map_or(Rules::NONE, |upload| upload.rules);
    let mut form = match timeout(FIRST, Arriving::open(form, rules)).await {
        Ok(Ok(form)) => form,
        Ok(Err(refusal)) => return page::alone(&console, &refusal),
        Err(_) => return page::alone(&console, &Refusal::of(StatusCode::REQUEST_TIMEOUT, "the form did not arrive")),
    };
    let response = receive(&console, visit, upload, announced.as_deref(), &mut form).await;
    // It is over, whatever is left.
    _ = timeout(DRAIN, form.rest()).await;
    response
}

async fn receive(
    console: &Console,
    visit: Result<Visit, Missing>,
    upload: Option<&Upload>,
    announced: Option<&str>,
    form: &mut Arriving,
) -> Response {
    let visit = match visit {
        Ok(visit) => visit,
        Err(Missing::Page(stop)) => return stop.into_response(),
        Err(Missing::Session) => {
            let gone = "you were signed out, so Herald did nothing: sign in, choose the files again, and send the form";
            let refusal = Refusal::of(StatusCode::UNAUTHORIZED, gone);
            let filled = Filled::refused("login", &form.own, &refusal);
            let own = json!({ "then": form.own.back(), "resume": (), "filled": filled });
            return page::open(console, "sign_in.html", refusal.status, own);
        }
    };
    let operation = upload.and_then(|upload| Some((upload, visit.console.description.operation(upload.operation)?)));
    let Some((upload, operation)) = operation else {
        return visit.stop(&Refusal::of(StatusCode::NOT_FOUND, "there is no such form")).into_response();
    };
    let sent = match visit.trusts(&form.own) {
        true => pass_on(&visit, upload, operation, announced, form).await,
        false => {
            let gone = "your session had ended, so Herald did nothing: choose the files again, and send the form";
            Err(Refusal::of(StatusCode::CONFLICT, gone))
        }
    };
    match sent {
        Ok(answer) => lead_on(&visit, upload, form.own.back(), &answer.body),
        Err(refusal) => {
            // The fields behind the files are kept, too, if they come soon.
            _ = timeout(DRAIN, form.rest()).await;
            let filled = Filled::refused(upload.operation, &form.texts(), &refusal);
            act::show_again(&visit, form.own.back(), filled, &refusal).await
        }
    }
}

/// Sends the form to the API while it arrives.
async fn pass_on(
    visit: &Visit,
    upload: &Upload,
    operation: &Operation,
    announced: Option<&str>,
    form: &mut Arriving,
) -> Result<Answer, Refusal> {
    let console = &visit.console;
    let boundary = format!("herald-{}", console.ids.uuid(console.clock.now()).simple());
    let (sender, receiver) = mpsc::channel(PIECES);
    let path = filled_in(&operation.path, &form.own);
    let pieces = stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
    // The API reads on behind the end of a form.
    let pieces = pieces.fuse();
    let mut request = api::request(&visit.caller, Method::POST, &path, Body::from_stream(pieces));
    let kind = format!("multipart/form-data; boundary={boundary}");
    let mut set = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            request.headers_mut().insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, &kind);
    if let Some(once) = form.own.get(ONCE).filter(|_| operation.takes_key) {
        // The API compares no bytes of an upload. A page that the browser kept may be sent with another file, which is
        // another request.
        set(IDEMPOTENCY_KEY, &format!("{once}-{}", announced.unwrap_or_default()));
    }
    let answer = std::pin::pin!(console.api.pass(request));
    let sending = std::pin::pin!(form.send(Outgoing::new(sender, boundary), upload.objects));
    let response = match select(answer, sending).await {
        // The API has seen enough.
        Either::Left((response, _)) => response,
        // It has the whole form, or reads no further.
        Either::Right((Ok(()) | Err(Ended::Closed), answer)) => answer.await,
        Either::Right((Err(Ended::Refused(refusal)), _)) => return Err(refusal),
    };
    api::read(response).await
}

fn lead_on(visit: &Visit, upload: &Upload, back: Option<&str>, answer: &Value) -> Response {
    let id = answer["id"].as_str().unwrap_or_default();
    let to = match upload.to {
        Some(to) => format!("{}{}", visit.base(), to.replace("{id}", id)),
        None => back.map_or_else(|| visit.base(), str::to_owned),
    };
    let mut response = Redirect::to(&to).into_response();
    let notice = Cookie::Notice.set(&(upload.said)(answer), act::NOTICE_SECONDS, visit.console.is_secure);
    response.headers_mut().append(header::SET_COOKIE, notice);
    response
}
