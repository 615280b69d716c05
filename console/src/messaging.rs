//! Campaigns: senders, and addresses that are not written to.

mod senders;
mod suppressions;

use axum::Router;

use crate::Console;

pub(super) fn routes() -> Router<Console> {
    Router::new().merge(senders::routes()).merge(suppressions::routes())
}
