//! Campaigns: senders, templates of messages, and addresses that are not written to.

mod senders;
mod suppressions;
mod templates;
mod weights;
mod whatsapp_templates;

use axum::Router;

pub(crate) use self::{
    templates::{contacts as readers, content as message_content},
    weights::weights,
};
use crate::Console;

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .merge(senders::routes())
        .merge(suppressions::routes())
        .merge(templates::routes())
        .merge(whatsapp_templates::routes())
}
