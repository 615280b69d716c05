//! People: registration and sign-in, accounts, workspaces, members, invitations and keys. The rules are in
//! `herald_people`.

mod auth;
mod crm;
mod invitations;
mod keys;
mod me;
mod members;
mod setup;
mod users;
mod views;
mod workspaces;

use axum::http::header;
use herald_people::PeopleError;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    Api,
    front::problem::{Kind, Problem},
};

/// The routes behind a token.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(auth::routes())
        .merge(me::routes())
        .merge(views::routes())
        .merge(workspaces::routes())
        .merge(members::routes())
        .merge(invitations::routes())
        .merge(keys::routes())
        .merge(users::routes())
        .merge(crm::routes())
}

/// The routes for a person who no longer has an access token.
pub(crate) fn open_routes() -> OpenApiRouter<Api> {
    auth::open_routes()
}

/// The routes outside of `/api/v1`: the page that the links of invitations lead to, and the webhook of the CRM, which
/// is signed.
pub(crate) fn outside_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().merge(invitations::page()).merge(crm::webhook_routes())
}

/// The routes at which an attacker could guess secrets.
pub(crate) fn sign_in_routes() -> OpenApiRouter<Api> {
    auth::sign_in_routes().merge(setup::routes())
}

impl From<PeopleError> for Problem {
    fn from(error: PeopleError) -> Self {
        match error {
            PeopleError::Address => Self::field("email", error),
            PeopleError::Password(_) => Self::field("password", error),
            PeopleError::Field { field, detail } => Self::field(field, detail),
            PeopleError::Credentials | PeopleError::SessionOver => Self::new(Kind::InvalidCredentials, error),
            PeopleError::Code | PeopleError::Invitation | PeopleError::SetupOver => Self::new(Kind::CodeRefused, error),
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
            // Only a job reads the content of a webhook.
            PeopleError::CrmEvent(_) => Self::internal(&error),
            PeopleError::Changed => Self::new(Kind::PreconditionFailed, error),
            PeopleError::Sealed(_) => Self::internal(&error),
            PeopleError::Quota(error) => error.into(),
            PeopleError::Db(error) => error.into(),
            PeopleError::Enqueue(error) => error.into(),
        }
    }
}
