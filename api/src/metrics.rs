//! `/metrics`: counts for Prometheus. It asks the ledger nothing: what waits in it is told by the schedulers, once for the fleet.

use axum::{
    Router,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use herald_shared::{db::Db, telemetry};
use metrics_exporter_prometheus::PrometheusHandle;

use crate::{Api, limits};

pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/metrics", get(async |State(api): State<Api>| answer(&api.metrics, &api.db)))
        .layer(axum::middleware::from_fn(limits::in_time))
}

/// What a process has counted, as Prometheus reads it.
pub(crate) fn answer(metrics: &PrometheusHandle, db: &Db) -> Response {
    let text = telemetry::render(metrics, db);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
