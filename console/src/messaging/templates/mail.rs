//! A mail in its frame: a page without scripts, forms and links out of the frame, whose only freedom are its own styles
//! and pictures.

use axum::{
    Router,
    extract::{Path, Request, State},
    http::{HeaderName, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Map, Value};

use super::{TEMPLATES, call, content, reader, typed_form};
use crate::{
    Console,
    query::{Query, part},
    visit::{Stop, Visit},
};

/// Nothing runs, nothing is sent, and only our own pages may show it. Pictures of the mail come from where they lie.
const POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src https: http: data:; \
                      form-action 'none'; base-uri 'none'; frame-ancestors 'self'";
const POLICY_NAME: HeaderName = HeaderName::from_static("content-security-policy");
const REFERRER: HeaderName = HeaderName::from_static("referrer-policy");

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/w/{ws}/message-templates/mail", post(of_draft))
        .route("/w/{ws}/message-templates/{id}/mail", get(of_template))
}

async fn of_template(visit: Visit, Path((_, id)): Path<(String, String)>) -> Result<Response, Stop> {
    let query = Query::of(&visit.address);
    let version = query.get("version").and_then(|version| version.parse().ok());
    let reader = reader(query.get("contact"), query.get("language"), version);
    let shown = call(&visit, &format!("{TEMPLATES}/{}/preview", part(&id)), &reader).await;
    Ok(framed(&shown.map_err(|refusal| visit.stop(&refusal))?))
}

async fn of_draft(State(console): State<Console>, request: Request) -> Response {
    let (visit, form) = match typed_form(&console, request).await {
        Ok(both) => both,
        Err(response) => return response,
    };
    let mut body = Map::from_iter([("content".to_owned(), content(&form, true))]);
    if let Value::Object(reader) = reader(form.get("contact"), form.get("show_language"), None) {
        body.extend(reader);
    }
    match call(&visit, &format!("{TEMPLATES}/preview"), &Value::Object(body)).await {
        Ok(shown) => framed(&shown),
        Err(refusal) => frame(refusal.status, said(&refusal.detail)),
    }
}

fn framed(shown: &Value) -> Response {
    match shown["html"].as_str() {
        Some(html) => frame(StatusCode::OK, html.to_owned()),
        None => frame(StatusCode::OK, said("There is no mail yet: the findings say why.")),
    }
}

/// A sentence in the place of a mail.
fn said(sentence: &str) -> String {
    let sentence = sentence.replace('&', "&amp;").replace('<', "&lt;");
    let both = "<meta name=\"color-scheme\" content=\"light dark\">";
    format!("<!doctype html>{both}<p style=\"font-family:sans-serif\">{sentence}")
}

fn frame(status: StatusCode, html: String) -> Response {
    let headers = [
        (POLICY_NAME, POLICY),
        (REFERRER, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, Html(html)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_stands_alone_and_runs_nothing() {
        let response = framed(&serde_json::json!({ "html": "<p>x" }));
        let policy = response.headers()[POLICY_NAME].to_str().unwrap();
        assert!(policy.starts_with("sandbox;") && policy.contains("default-src 'none'") && !policy.contains("script"));
        assert!(said("<b>&").ends_with("&lt;b>&amp;"));
    }
}
