//! `/healthz`: whether the process runs. `/readyz`: whether it can work.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Extension, Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use herald_people as people;
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::Api;

/// How long a result of the probe is valid, so that frequent requests do not probe the disk more often.
const STANDS: Duration = Duration::from_secs(2);
/// How long a service may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// The content of the test file for the file store.
const PROBE: &[u8] = &[b'.'; 4_096];

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(live)).routes(routes!(ready)).layer(Extension(Last::default()))
}

type Last = Arc<Mutex<Option<(Instant, Readiness)>>>;

herald_base::text_enum! {
    enum Status, "{:?} is not how Herald stands" {
        Ready "ready",
        NotReady "not ready",
    }
}

/// The state of the parts that Herald needs.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Readiness {
    /// `ready`, or `not ready`.
    #[schema(value_type = String, pattern = "^(not )?ready$")]
    status: Status,
    /// `ok`, or a description of the fault.
    database: String,
    /// `ok`, or a description of the fault.
    files: String,
}

/// Answers as long as the process runs.
#[utoipa::path(get, path = "/healthz", operation_id = "getHealth", tag = "health",
    responses(
        (status = 200, description = "The process runs", content_type = "text/plain", body = String),
    )
)]
async fn live() -> &'static str {
    "ok\n"
}

/// Checks that the database answers and that the file store accepts a file.
#[utoipa::path(get, path = "/readyz", operation_id = "getReadiness", tag = "health",
    responses(
        (status = 200, description = "The database and the file store are ready", body = Readiness),
        (status = 503, description = "The database or the file store is not ready", body = Readiness),
    )
)]
async fn ready(State(api): State<Api>, Extension(last): Extension<Last>) -> Response {
    // The lock is held during the probe, so that concurrent requests share one probe.
    let mut last = last.lock().await;
    let found = match &*last {
        Some((at, found)) if at.elapsed() < STANDS => found.clone(),
        _ => {
            let found = probe(&api).await;
            *last = Some((Instant::now(), found.clone()));
            found
        }
    };
    let status = if found.status == Status::Ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(found)).into_response()
}

async fn probe(api: &Api) -> Readiness {
    // The probe reads a table, because a database without Herald's tables answers, too.
    let database = within(async { people::has_keys(&api.db).await.map(drop) }, "the database").await;
    let files = within(api.files.probe(PROBE), "the file store").await;
    let status = if database == "ok" && files == "ok" { Status::Ready } else { Status::NotReady };
    Readiness { status, database, files }
}

/// Runs a probe. The answer names the part that fails, and only the log has the reason, because the endpoint is open.
async fn within<E: std::error::Error>(probe: impl Future<Output = Result<(), E>>, what: &str) -> String {
    match tokio::time::timeout(PATIENCE, probe).await {
        Ok(Ok(())) => "ok".to_owned(),
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready");
            format!("{what} reports an error; the log has the reason")
        }
        Err(_) => {
            tracing::warn!("not ready: {what} does not answer");
            format!("{what} does not answer within {} seconds", PATIENCE.as_secs())
        }
    }
}
