//! The endpoints of a worker or a scheduler: `/healthz`, `/readyz` and `/metrics`, and nothing else. They listen only
//! on a configured address, so they need no token.

use std::{io, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use herald_db::Db;
use herald_ledger::redis_wire::RedisWire;
use herald_people as people;
use herald_providers::files::Files;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{front::server as front, ops::metrics};

/// How long a service may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// The services that the monitor checks.
#[derive(Clone)]
pub struct Monitor {
    /// The ledger's database.
    pub db: Db,
    /// The file store.
    pub files: Files,
    /// The connection to Redis.
    pub redis: RedisWire,
    /// The metrics that `/metrics` shows.
    pub metrics: PrometheusHandle,
}

/// Serves until `stop` is cancelled.
///
/// # Errors
/// If the listener can never accept a connection again.
pub async fn serve_monitor(listener: TcpListener, monitor: Monitor, stop: CancellationToken) -> io::Result<()> {
    let router = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(async |State(monitor): State<Monitor>| metrics::answer(&monitor.metrics, &monitor.db)))
        .with_state(monitor)
        .layer(middleware::from_fn(front::named));
    front::serve(listener, router, front::Bounds::monitor(), stop, PATIENCE).await
}

async fn ready(State(monitor): State<Monitor>) -> Response {
    let database = answers(people::has_keys(&monitor.db)).await;
    let redis = answers(monitor.redis.ping()).await;
    let files = answers(monitor.files.probe(b".")).await;
    let ready = database && redis && files;
    let word = |ok: bool| if ok { "ok" } else { "does not answer" };
    let body = serde_json::json!({
        "status": if ready { "ready" } else { "not ready" },
        "database": word(database),
        "redis": word(redis),
        "files": word(files),
    });
    (if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(body)).into_response()
}

async fn answers<T, E: std::error::Error>(probe: impl Future<Output = Result<T, E>>) -> bool {
    match tokio::time::timeout(PATIENCE, probe).await {
        Ok(Ok(_)) => true,
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready");
            false
        }
        Err(_) => false,
    }
}
