//! `/metrics`: counts for Prometheus. It does not query the ledger: the schedulers report the waiting jobs, once for
//! the whole fleet.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use herald_base::telemetry::{self, catalog::DB_CONNECTIONS};
use herald_db::Db;
use metrics_exporter_prometheus::PrometheusHandle;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{Api, front::limits};

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(show)).layer(axum::middleware::from_fn(limits::in_time))
}

/// Returns the metrics in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", operation_id = "getMetrics", tag = "health",
    responses(
        (status = 200, description = "The metrics", content_type = "text/plain", body = String),
    )
)]
async fn show(State(api): State<Api>) -> Response {
    answer(&api.metrics, &api.db)
}

/// The counts of a process, in the text format of Prometheus.
pub(crate) fn answer(metrics: &PrometheusHandle, db: &Db) -> Response {
    let (used, open) = db.pool_size();
    for (state, connections) in [("used", used), ("open", open), ("limit", db.pool_limit())] {
        DB_CONNECTIONS.set([state], connections as f64);
    }
    let text = telemetry::render(metrics);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
