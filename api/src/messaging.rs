//! Messaging: senders, templates of messages, campaigns, and what became of their messages.

mod archive;
mod blocks;
mod campaign_test;
mod campaign_whatsapp;
mod campaigns;
mod causes;
mod checks;
mod groups;
mod mail_events;
mod messages;
mod moves;
mod preview;
mod senders;
mod suppressions;
mod templates;
mod tracked_host;
mod tracking;
mod tracking_numbers;
mod unsubscribe;
mod variants;
mod whatsapp_templates;
mod whatsapp_webhooks;

use herald_messaging::MessagingError;
use utoipa_axum::router::OpenApiRouter;

pub(crate) use self::tracked_host::only_links;
use crate::{
    Api,
    front::problem::{Kind, Problem},
};

/// The endpoints behind a token, below `/api/v1`.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(campaigns::routes())
        .merge(campaign_whatsapp::routes())
        .merge(causes::routes())
        .merge(checks::routes())
        .merge(campaign_test::routes())
        .merge(variants::routes())
        .merge(moves::routes())
        .merge(messages::routes())
        .merge(mail_events::routes())
        .merge(senders::routes())
        .merge(suppressions::routes())
        .merge(templates::routes())
        .merge(preview::routes())
        .merge(blocks::routes())
        .merge(whatsapp_templates::routes())
        .merge(tracking_numbers::routes())
}

/// The pages that are open to everybody who has a link.
pub(crate) fn open_routes() -> OpenApiRouter<Api> {
    unsubscribe::routes().merge(archive::routes()).merge(mail_events::open_routes())
}

/// The links in messages. Many readers come from one address, such as that of a proxy for pictures, so no address has a
/// limit here: nobody can guess a link.
pub(crate) fn tracked_routes() -> OpenApiRouter<Api> {
    tracking::routes()
}

/// The webhooks, which are signed: genuine ones are not counted.
pub(crate) fn signed_routes() -> OpenApiRouter<Api> {
    whatsapp_webhooks::routes()
}

impl From<MessagingError> for Problem {
    fn from(error: MessagingError) -> Self {
        match error {
            MessagingError::Field { field, detail } => Self::field(field, detail),
            MessagingError::WrongState(_) | MessagingError::NameTaken { .. } => Self::new(Kind::WrongState, error),
            MessagingError::Changed => Self::new(Kind::PreconditionFailed, error),
            MessagingError::NoKey => Self::internal(&error),
            MessagingError::Contact(error) => error.into(),
            MessagingError::Db(error) => error.into(),
        }
    }
}
