//! Messaging: senders, templates of messages, campaigns, and what became of their messages.

mod blocks;
mod campaigns;
mod mail_events;
mod messages;
mod moves;
mod preview;
mod senders;
mod suppressions;
mod templates;
mod unsubscribe;

use herald_messaging::MessagingError;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    Api,
    front::problem::{Kind, Problem},
};

/// The endpoints behind a token, below `/api/v1`.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(campaigns::routes())
        .merge(moves::routes())
        .merge(messages::routes())
        .merge(mail_events::routes())
        .merge(senders::routes())
        .merge(suppressions::routes())
        .merge(templates::routes())
        .merge(preview::routes())
        .merge(blocks::routes())
}

/// The pages that are open to everybody who has a link.
pub(crate) fn open_routes() -> OpenApiRouter<Api> {
    unsubscribe::routes().merge(mail_events::open_routes())
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
