//! The chat assistant's paths: `/compat/assistant/…`.

mod leads;
mod reports;

use axum::Json;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

use crate::Api;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().merge(leads::routes()).merge(reports::routes())
}

/// An answer in the form of the assistant.
#[derive(Serialize, ToSchema)]
#[schema(as = AssistantAnswer)]
struct Answer<T> {
    /// `success`.
    status: &'static str,
    data: T,
    /// What happened, in words.
    message: String,
    /// When, in UTC.
    #[schema(format = DateTime)]
    timestamp: String,
}

impl<T> Answer<T> {
    fn of(now: DateTime<Utc>, message: &str, data: T) -> Json<Self> {
        let timestamp = now.to_rfc3339_opts(SecondsFormat::Secs, true);
        Json(Self { status: "success", data, message: message.to_owned(), timestamp })
    }
}
