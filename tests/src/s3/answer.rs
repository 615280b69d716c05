//! Requests read and answers written, as S3 does both.

use axum::{
    body::Body,
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    response::Response,
};
use bytes::Bytes;
use url::form_urlencoded;

use super::{FakeS3, S3Call, S3Fault, state::State};

/// A request.
pub(super) struct Asked {
    pub(super) call: S3Call,
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Asked {
    pub(super) fn read(head: &Parts, body: Bytes) -> Self {
        let path = percent_encoding::percent_decode_str(head.uri.path()).decode_utf8_lossy().into_owned();
        let (bucket, key) = path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_start_matches('/'), ""));
        let query: Vec<(String, String)> =
            form_urlencoded::parse(head.uri.query().unwrap_or("").as_bytes()).into_owned().collect();
        let has = |name: &str| query.iter().any(|(key, _)| key == name);
        let call = match head.method {
            Method::PUT if has("uploadId") => S3Call::Part,
            Method::PUT if head.headers.contains_key("x-amz-copy-source") => S3Call::Copy,
            Method::PUT => S3Call::Put,
            Method::POST if has("uploads") => S3Call::Begin,
            Method::POST => S3Call::Complete,
            Method::DELETE if has("uploadId") => S3Call::Abort,
            Method::DELETE => S3Call::Delete,
            Method::HEAD => S3Call::Head,
            _ if key.is_empty() => S3Call::List,
            _ => S3Call::Get,
        };
        Self { call, bucket: bucket.to_owned(), key: key.to_owned(), query, headers: head.headers.clone(), body }
    }

    /// A word of the query.
    pub(super) fn word(&self, name: &str) -> &str {
        self.query.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// A header's text.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }
}

/// An answer.
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
}

impl Answered {
    pub(super) fn new(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    pub(super) fn xml(body: String) -> Self {
        Self::new(StatusCode::OK, format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}"))
    }

    pub(super) fn error(status: u16, code: &str) -> Self {
        let status = StatusCode::from_u16(status).expect("it is a status");
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{code}</Message></Error>"
        );
        Self::new(status, body)
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn into_response(self, call: S3Call, cut: bool) -> Response {
        let mut response = Response::builder().status(self.status);
        if self.status != StatusCode::NO_CONTENT {
            response = response.header(header::CONTENT_LENGTH, self.body.len());
        }
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        let body = if call == S3Call::Head {
            Body::empty()
        } else if cut {
            let half = self.body.slice(..self.body.len() / 2);
            // The error ends the connection: the length that was promised never comes.
            Body::from_stream(futures::stream::iter([Ok(half), Err(std::io::Error::other("cut"))]))
        } else {
            Body::from(self.body)
        };
        response.body(body).expect("its parts are well formed")
    }
}

/// Ends the connection without an answer: the task that serves it ends.
pub(super) fn hang_up() -> ! {
    // Unlike `panic!`, this says nothing.
    std::panic::resume_unwind(Box::new("the connection is cut"))
}

/// Why a request is refused before it is looked at.
pub(super) fn refusal(state: &State, head: &Parts, asked: &Asked, fault: Option<S3Fault>) -> Option<Answered> {
    match fault {
        Some(S3Fault::SlowDown) => return Some(Answered::error(503, "SlowDown")),
        Some(S3Fault::Internal) => return Some(Answered::error(500, "InternalError")),
        Some(S3Fault::Denied) => return Some(Answered::error(403, "AccessDenied")),
        _ => {}
    }
    let signed = head.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or("");
    let Some(signed) = signed.strip_prefix("AWS4-HMAC-SHA256 Credential=") else {
        return Some(Answered::error(403, "AccessDenied"));
    };
    let is_whole = signed.contains("/s3/aws4_request, SignedHeaders=") && signed.contains("Signature=");
    if !is_whole || !head.headers.contains_key("x-amz-date") || !head.headers.contains_key("x-amz-content-sha256") {
        return Some(Answered::error(400, "AuthorizationHeaderMalformed"));
    }
    if signed.split('/').next() != Some(FakeS3::ACCESS_KEY_ID) {
        return Some(Answered::error(403, "InvalidAccessKeyId"));
    }
    if state.refuse_time {
        return Some(Answered::error(403, "RequestTimeTooSkewed"));
    }
    (asked.bucket != FakeS3::BUCKET).then(|| Answered::error(404, "NoSuchBucket"))
}
