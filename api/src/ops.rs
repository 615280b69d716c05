//! Operations: jobs, queues, batches and workers, schedules, the audit log, and the health of the service.

mod audit;
mod batches;
pub(crate) mod health;
pub(crate) mod jobs;
pub(crate) mod metrics;
mod probes;
mod queues;
mod schedules;
pub(crate) mod streams;
pub(crate) mod workers;

use utoipa_axum::router::OpenApiRouter;

use crate::Api;

/// The routes that accept files, with the time limits that files need.
pub(crate) fn upload_routes(api: &Api) -> OpenApiRouter<Api> {
    jobs::upload_routes(api)
}

/// The endpoints behind a token, below `/api/v1`.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(jobs::routes())
        .merge(queues::routes())
        .merge(batches::routes())
        .merge(streams::routes())
        .merge(audit::routes())
        .merge(workers::routes())
        .merge(schedules::routes())
        .merge(probes::routes())
}
