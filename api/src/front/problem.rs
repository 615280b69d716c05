//! Errors in the form that clients receive: `application/problem+json` (RFC 9457). `docs/problems.md` describes every
//! type.

mod kind;
mod old_form;

use std::{any::Any, error::Error, fmt::Display, sync::Arc};

use axum::{
    Json,
    http::{HeaderName, HeaderValue, Method, Uri, header},
    response::{IntoResponse, Response},
};
use herald_db::DbError;
use herald_ledger::LedgerError;
use herald_providers::files::FilesError;
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use self::{
    kind::Kind,
    old_form::{AssistantRefusal, MarketingRefusal, OldForm},
};

/// One fault of the request.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub(crate) struct Fault {
    /// The field, as a JSON pointer. In a form or a query: `/` and the field's name.
    pub(crate) pointer: String,
    /// What is wrong and what to do about it.
    pub(crate) detail: String,
    /// The line of the file, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<u64>,
    /// The column of the file, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<u64>,
    /// The slot of the template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) slot: Option<String>,
}

impl Fault {
    pub(crate) fn new(field: &str, detail: impl Display) -> Self {
        Self { pointer: format!("/{field}"), detail: detail.to_string(), ..Self::default() }
    }
}

/// An error that becomes an answer.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    kind: Kind,
    detail: String,
    faults: Vec<Fault>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The cause, which only the log gets.
    cause: Option<Arc<str>>,
    /// The older system whose form it was given.
    old_form: Option<OldForm>,
}

/// Why a request was refused or could not be answered (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Body<'a> {
    /// The type of the problem; `/problems` describes each type.
    r#type: String,
    /// The title, which is the same for every problem of the type.
    title: &'static str,
    /// The HTTP status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong and what to do about it, for people to read.
    detail: &'a str,
    /// The faulty fields, if the problem lies in particular fields.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(value_type = Option<Vec<Fault>>)]
    errors: &'a [Fault],
    /// The id of the request in Herald's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

impl Problem {
    pub(crate) fn new(kind: Kind, detail: impl Display) -> Self {
        Self { kind, detail: detail.to_string(), faults: Vec::new(), headers: Vec::new(), cause: None, old_form: None }
    }

    /// The problem that the workspace has no `what` with this id.
    pub(crate) fn missing(what: &str, id: impl Display) -> Self {
        Self::new(Kind::NotFound, format!("there is no {what} {id} in this workspace"))
    }

    /// The problem that one field is wrong.
    pub(crate) fn field(field: &str, detail: impl Display) -> Self {
        Self::faults(Kind::InvalidField, vec![Fault::new(field, detail)])
    }

    /// The problem that several fields are wrong. The detail names the first fault.
    pub(crate) fn faults(kind: Kind, faults: Vec<Fault>) -> Self {
        let first = faults.first().map(|fault| fault.detail.clone()).unwrap_or_default();
        let detail = match faults.len() {
            0 | 1 => first,
            2 => format!("{first} (and one more, see errors)"),
            more => format!("{first} (and {} more, see errors)", more - 1),
        };
        Self { faults, ..Self::new(kind, detail) }
    }

    /// A defect of Herald. The log gets the cause, and the client does not.
    pub(crate) fn internal(cause: &(dyn Error + 'static)) -> Self {
        Self::new(
            Kind::Internal,
            "Herald could not answer the request: look for its request id in the log, which has the reason",
        )
        .because(cause)
    }

    /// Adds a cause for the log.
    pub(crate) fn because(mut self, cause: &(dyn Error + 'static)) -> Self {
        let mut chain = cause.to_string();
        let mut inner = cause.source();
        while let Some(error) = inner {
            let text = error.to_string();
            if !chain.ends_with(&text) {
                chain = format!("{chain}: {text}");
            }
            inner = error.source();
        }
        self.cause = Some(chain.into());
        self
    }

    pub(crate) fn header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.push((name, HeaderValue::from_static(value)));
        self
    }

    pub(crate) fn headers(mut self, headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>) -> Self {
        self.headers.extend(headers);
        self
    }

    /// The same in the form of an older system.
    pub(crate) fn in_old_form(self, form: OldForm) -> Self {
        Self { old_form: Some(form), ..self }
    }

    /// What is wrong and what to do about it.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// Whether the problem is of this kind.
    pub(crate) fn is(&self, kind: Kind) -> bool {
        self.kind == kind
    }

    /// The cause for the log, if there is one.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The answer, with the id of the request in the log.
    pub(crate) fn respond(&self, request_id: Option<&str>) -> Response {
        let (name, status, title) = self.kind.facts();
        if let Some(form) = &self.old_form {
            let mut response = form.refusal(status, &self.detail, &self.faults);
            response.headers_mut().extend(self.headers.iter().cloned());
            return response;
        }
        let body = Body {
            r#type: format!("/problems#{name}"),
            title,
            status: status.as_u16(),
            detail: &self.detail,
            errors: &self.faults,
            request_id,
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.extend(self.headers.iter().cloned());
        response
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.cause {
            Some(cause) => write!(f, "{}: {cause}", self.detail),
            None => f.write_str(&self.detail),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.respond(None);
        // `observe` logs the problem and adds the request id.
        response.extensions_mut().insert(self);
        response
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        if error.is_disk_full() {
            return Self::new(
                Kind::StorageFull,
                "the disk that holds the database is full: free some space and try again",
            )
            .because(&error);
        }
        if error.is_transient() {
            return Self::new(Kind::Unavailable, "the database does not answer: try again in a moment")
                .because(&error)
                .header(header::RETRY_AFTER, "2");
        }
        Self::internal(&error)
    }
}

impl From<FilesError> for Problem {
    fn from(error: FilesError) -> Self {
        match &error {
            FilesError::DiskFull => Self::new(Kind::StorageFull, &error).because(&error),
            FilesError::Bucket { problem, .. } if problem.may_pass() => {
                Self::new(Kind::Unavailable, "the file store does not answer: try again in a moment")
                    .because(&error)
                    .header(header::RETRY_AFTER, "2")
            }
            _ => Self::internal(&error),
        }
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Db(error) => error.into(),
            LedgerError::TooLarge { .. } => Self::new(Kind::TooLarge, error),
            LedgerError::NotAnObject { .. } => Self::internal(&error),
        }
    }
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::new(
                Kind::StorageFull,
                "the disk for temporary files of uploads is full: free some space and try again",
            )
            .because(&error),
            _ => Self::internal(&error),
        }
    }
}

pub(crate) async fn no_such_route(uri: Uri) -> Problem {
    Problem::new(Kind::NotFound, format!("there is no endpoint at {}: see /docs for the endpoints", uri.path()))
}

pub(crate) async fn no_such_method(method: Method, uri: Uri) -> Problem {
    Problem::new(
        Kind::MethodNotAllowed,
        format!("{} does not support {method}: use a method of the Allow header", uri.path()),
    )
}

/// The answer to a request whose handler panicked.
pub(crate) fn after_panic(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    Problem::internal(&std::io::Error::other(format!("panic: {text}"))).into_response()
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    #[test]
    fn every_type_is_documented_with_its_status_and_title() {
        let page = include_str!("../../../docs/problems.md");
        for kind in Kind::ALL {
            let (name, status, title) = kind.facts();
            let section = format!("\n## {name}\n\n`{}` {title}\n", status.as_u16());
            assert!(page.contains(&section), "{section}");
        }
        assert_eq!(page.matches("\n## ").count(), Kind::ALL.len());
    }

    #[tokio::test]
    async fn a_panic_becomes_a_problem_that_keeps_its_words_for_the_log() {
        for panic in [Box::new("secret of /etc") as Box<dyn Any + Send>, Box::new("secret".to_owned())] {
            let response = after_panic(panic);
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
            let cause = response.extensions().get::<Problem>().unwrap().cause().unwrap().to_owned();
            assert!(cause.starts_with("panic: secret"), "{cause}");
            let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
            assert!(!String::from_utf8_lossy(&body).contains("secret"));
        }
    }

    #[test]
    fn the_detail_names_the_first_fault_and_counts_the_others() {
        let faults = |count| vec![Fault::new("a", "first"); count];
        assert_eq!(Problem::faults(Kind::InvalidField, faults(1)).detail, "first");
        assert_eq!(Problem::faults(Kind::InvalidField, faults(3)).detail, "first (and 2 more, see errors)");
    }
}
