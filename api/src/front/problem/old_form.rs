//! Refusals in the forms of the older systems, whose front ends know fewer statuses.

use std::collections::BTreeMap;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::Fault;

/// An older system, in whose form a refusal is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OldForm {
    /// The chat assistant told the time of each answer.
    Assistant(DateTime<Utc>),
    /// The marketing backend was one of Django.
    Marketing,
}

/// A refusal as the assistant's front end knows it.
#[derive(Serialize, ToSchema)]
#[schema(as = AssistantRefusal)]
pub(crate) struct AssistantRefusal<'a> {
    /// `error`.
    status: &'static str,
    /// Nothing.
    #[schema(value_type = Object)]
    data: serde_json::Map<String, serde_json::Value>,
    /// What is wrong and what to do about it.
    message: &'a str,
    /// When, in UTC.
    timestamp: String,
}

/// A refusal as the marketing front end knows it: with the texts of each wrong field under its name.
#[derive(Serialize, ToSchema)]
#[schema(as = MarketingRefusal)]
pub(crate) struct MarketingRefusal<'a> {
    /// What is wrong and what to do about it.
    detail: &'a str,
    #[serde(flatten)]
    #[schema(inline, value_type = BTreeMap<String, Vec<String>>)]
    fields: BTreeMap<&'a str, Vec<&'a str>>,
}

impl OldForm {
    /// The older system that a path belongs to, by the beginnings of their names.
    pub(crate) fn schema_of(path: &str) -> Option<&'static str> {
        match path {
            path if path.starts_with("/compat/assistant/") => Some("AssistantRefusal"),
            path if path.starts_with("/compat/marketing/") => Some("MarketingRefusal"),
            _ => None,
        }
    }

    /// The form for a path, if it belongs to an older system.
    pub(crate) fn of(path: &str, now: DateTime<Utc>) -> Option<Self> {
        Some(match Self::schema_of(path)? {
            "AssistantRefusal" => Self::Assistant(now),
            _ => Self::Marketing,
        })
    }

    /// The status that the front ends know in the place of this one.
    pub(crate) fn status(status: StatusCode) -> StatusCode {
        match status.as_u16() {
            409 | 412 | 413 | 415 | 422 => StatusCode::BAD_REQUEST,
            _ => status,
        }
    }

    pub(super) fn refusal(self, status: StatusCode, detail: &str, faults: &[Fault]) -> Response {
        let status = Self::status(status);
        match self {
            Self::Assistant(now) => {
                let timestamp = now.to_rfc3339_opts(SecondsFormat::Secs, true);
                let data = serde_json::Map::new();
                let body = AssistantRefusal { status: "error", data, message: detail, timestamp };
                (status, Json(body)).into_response()
            }
            Self::Marketing => {
                let mut fields: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
                for fault in faults {
                    // A field of this name would stand twice in the answer.
                    let field = fault.pointer.trim_start_matches('/');
                    if !field.is_empty() && field != "detail" {
                        fields.entry(field).or_default().push(&fault.detail);
                    }
                }
                (status, Json(MarketingRefusal { detail, fields })).into_response()
            }
        }
    }
}
