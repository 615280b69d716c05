//! Campaigns: senders, templates of messages, and addresses that are not written to.

mod senders;
mod suppressions;
mod templates;

use axum::Router;

pub(crate) use self::templates::{contacts as readers, content as message_content};
use crate::Console;

pub(super) fn routes() -> Router<Console> {
    Router::new().merge(senders::routes()).merge(suppressions::routes()).merge(templates::routes())
}
