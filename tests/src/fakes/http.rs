//! Requests read and answers written: what both servers do alike.

use axum::{
    body::Body,
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    response::Response,
};
use bytes::Bytes;
use serde_json::Value;
use url::form_urlencoded;

/// A request.
pub(super) struct Asked {
    pub(super) method: Method,
    /// The path between its slashes, decoded.
    pub(super) path: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Asked {
    pub(super) fn read(head: &Parts, body: Bytes) -> Self {
        let path = head.uri.path().split('/').filter(|word| !word.is_empty());
        let path =
            path.map(|word| percent_encoding::percent_decode_str(word).decode_utf8_lossy().into_owned()).collect();
        let query = form_urlencoded::parse(head.uri.query().unwrap_or("").as_bytes()).into_owned().collect();
        Self { method: head.method.clone(), path, query, headers: head.headers.clone(), body }
    }

    /// The path, to match on.
    pub(super) fn words(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    /// A word of the query, or nothing.
    pub(super) fn word(&self, name: &str) -> &str {
        self.query.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Whether a word of the query is set to yes.
    pub(super) fn is_set(&self, name: &str) -> bool {
        matches!(self.word(name), "true" | "1")
    }

    /// A header's text, or nothing.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// The token of `Authorization: Bearer`.
    pub(super) fn bearer(&self) -> Option<&str> {
        self.header("authorization").strip_prefix("Bearer ")
    }

    /// The body as JSON.
    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The body as a form.
    pub(super) fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }
}

/// An answer.
#[derive(Clone)]
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
}

impl Answered {
    pub(super) fn new(status: u16, kind: &str, body: impl Into<Bytes>) -> Self {
        let headers = vec![("content-type", kind.to_owned())];
        Self { status: StatusCode::from_u16(status).expect("it is a status"), headers, body: body.into() }
    }

    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json; charset=UTF-8", body.to_string())
    }

    pub(super) fn html(status: u16, body: impl Into<Bytes>) -> Self {
        Self::new(status, "text/html; charset=UTF-8", body)
    }

    pub(super) fn empty(status: u16) -> Self {
        let status = StatusCode::from_u16(status).expect("it is a status");
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    pub(super) fn redirect(to: impl Into<String>) -> Self {
        Self::empty(302).with("location", to)
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Writes it; `cut` breaks it off in the middle of its body.
    pub(super) fn into_response(self, cut: bool) -> Response {
        let mut response = Response::builder().status(self.status);
        if self.status != StatusCode::NO_CONTENT {
            response = response.header(header::CONTENT_LENGTH, self.body.len());
        }
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        let body = match cut {
            true if self.body.is_empty() => hang_up(),
            true => {
                let half = self.body.slice(..self.body.len() / 2);
                // The error ends the connection: the length that was promised never comes.
                Body::from_stream(futures::stream::iter([Ok(half), Err(std::io::Error::other("cut"))]))
            }
            false => Body::from(self.body),
        };
        response.body(body).expect("its parts are well formed")
    }
}

/// Ends the connection without an answer: the task that serves it ends.
pub(super) fn hang_up() -> ! {
    // Unlike `panic!`, this says nothing.
    std::panic::resume_unwind(Box::new("the connection is cut"))
}

/// Text for a page.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
