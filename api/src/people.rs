//! People: signing up and in, their own account, workspaces, members, invitations, keys. The rules stand in
//! `herald_people`.

mod auth;
mod crm;
mod invitations;
mod keys;
mod me;
mod members;
mod users;
mod workspaces;

use axum::http::header;
use herald_people::PeopleError;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    Api,
    front::problem::{Kind, Problem},
};

/// Routes behind a token.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(auth::routes())
        .merge(me::routes())
        .merge(workspaces::routes())
        .merge(members::routes())
        .merge(invitations::routes())
        .merge(keys::routes())
        .merge(users::routes())
        .merge(crm::routes())
}

/// Routes for who has no access token any more.
pub(crate) fn open_routes() -> OpenApiRouter<Api> {
    auth::open_routes()
}

/// What has its own address: the page that invitations' links lead to, and the CRM's webhook, which is signed.
pub(crate) fn outside_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().merge(invitations::page()).merge(crm::webhook_routes())
}

/// Routes at which secrets could be guessed.
pub(crate) fn sign_in_routes() -> OpenApiRouter<Api> {
    auth::sign_in_routes()
}

impl From<PeopleError> for Problem {
    fn from(error: PeopleError) -> Self {
        match error {
            PeopleError::Address => Self::field("email", error),
            PeopleError::Password(_) => Self::field("password", error),
            PeopleError::Field { field, detail } => Self::field(field, detail),
            PeopleError::Credentials | PeopleError::SessionOver => Self::new(Kind::InvalidCredentials, error),
            PeopleError::Code | PeopleError::Invitation => Self::new(Kind::CodeRefused, error),
            PeopleError::RegistrationClosed
            | PeopleError::WorkspacesClosed
            | PeopleError::AboveOwn { .. }
            | PeopleError::Narrow(_)
            | PeopleError::NotAdmin => Self::new(Kind::Forbidden, error),
            PeopleError::Missing(_) => Self::new(Kind::NotFound, error),
            PeopleError::Taken(_) | PeopleError::LastOwner | PeopleError::KeptElsewhere | PeopleError::NoCrm => {
                Self::new(Kind::WrongState, error)
            }
            PeopleError::CrmAway(_) => Self::new(Kind::Unavailable, error).header(header::RETRY_AFTER, "30"),
            // Only a job reads what a webhook said.
            PeopleError::CrmEvent(_) => Self::internal(&error),
            PeopleError::Changed => Self::new(Kind::PreconditionFailed, error),
            PeopleError::Sealed(_) => Self::internal(&error),
            PeopleError::Quota(error) => error.into(),
            PeopleError::Db(error) => error.into(),
            PeopleError::Enqueue(error) => error.into(),
        }
    }
}
