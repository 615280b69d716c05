//! Operate: jobs, why they failed, and the machinery that does them.

pub(crate) mod actors;
mod audit;
mod batches;
mod bulk;
mod failures;
mod filter;
mod health;
mod jobs;
mod queues;
mod schedules;
pub(crate) mod typed_time;
mod workers;

use axum::Router;

use crate::Console;

pub(crate) fn routes() -> Router<Console> {
    Router::new()
        .merge(audit::routes())
        .merge(batches::routes())
        .merge(bulk::routes())
        .merge(failures::routes())
        .merge(health::routes())
        .merge(jobs::routes())
        .merge(queues::routes())
        .merge(schedules::routes())
        .merge(workers::routes())
}
