//! Operate: jobs, why they failed, and the machinery that does them.

mod jobs;

use axum::Router;

use crate::Console;

pub(crate) fn routes() -> Router<Console> {
    Router::new().merge(jobs::routes())
}
