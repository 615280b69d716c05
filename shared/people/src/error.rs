//! Why something about people cannot be done.

use thiserror::Error;

use super::Role;
use herald_base::{address::AddressError, vault::VaultError};
use herald_db::DbError;
use herald_ledger::{LedgerError, quotas::QuotaError};
use herald_providers::ProviderError;

/// Why an act on people's data cannot be done. The messages tell an attacker nothing.
#[derive(Debug, Error)]
pub enum PeopleError {
    /// It is not a valid e-mail address.
    #[error("this is not a valid e-mail address: write it like ann@example.com")]
    Address,
    /// The new password cannot be used.
    #[error("choose another password: {0}")]
    Password(String),
    /// Address and password belong to nobody.
    #[error("the e-mail address or the password is wrong: check both")]
    Credentials,
    /// The code opens nothing.
    #[error("the code is wrong, was already used, or has expired: check it, or ask for a new code")]
    Code,
    /// The link for the first person opens nothing.
    #[error("the link was used or has expired, or this Herald has its first person already: sign in")]
    SetupOver,
    /// The session is over.
    #[error("the session has ended: sign in again")]
    SessionOver,
    /// Nobody may register by themselves.
    #[error("registration is by invitation only: ask for an invitation link")]
    RegistrationClosed,
    /// Only the platform's administrators make workspaces.
    #[error("only administrators of this installation can create workspaces: ask one of them")]
    WorkspacesClosed,
    /// The invitation link opens nothing.
    #[error("the invitation is used up, was revoked, has expired, or is for another address: ask for a new one")]
    Invitation,
    /// There is no such thing here.
    #[error("the {0} does not exist here: check its id or name")]
    Missing(&'static str),
    /// Another person has it already.
    #[error("{0}")]
    Taken(String),
    /// A field cannot have this value.
    #[error("{detail}")]
    Field {
        /// The field.
        field: &'static str,
        /// What is wrong and what to do.
        detail: String,
    },
    /// A role above the giver's own.
    #[error("your role {own} does not allow you to give the role {wanted}")]
    AboveOwn {
        /// The giver's.
        own: Role,
        /// The role that the giver wanted to give.
        wanted: Role,
    },
    /// A key with scopes or an end would hand on more than it has.
    #[error("{0}")]
    Narrow(&'static str),
    /// Only the installation's administrators pass on rights of the installation.
    #[error("only administrators of the installation can create keys for it: ask one of them")]
    NotAdmin,
    /// The last owner stays.
    #[error("this is the last owner of the workspace: make another member an owner first")]
    LastOwner,
    /// It changed since it was read.
    #[error("the resource changed in the meantime: read it again and repeat the change")]
    Changed,
    /// The agency's CRM checks the person's password.
    #[error("your agency's CRM manages your password and address: change them there")]
    KeptElsewhere,
    /// The CRM does not say whether a password is right.
    #[error("the agency's CRM, which checks your password, does not answer: try again in a minute")]
    CrmAway(#[source] ProviderError),
    /// The settings name no CRM.
    #[error("the settings name no CRM: set it up in [crm]")]
    NoCrm,
    /// A webhook of the CRM cannot be read.
    #[error("the CRM's webhook cannot be read: {0}")]
    CrmEvent(String),
    /// The installation's keys do not open the sealed data.
    #[error("stored secrets cannot be decrypted: {0}")]
    Sealed(#[from] VaultError),
    /// The workspace has as many as it may have.
    #[error(transparent)]
    Quota(#[from] QuotaError),
    /// The database refused.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The ledger refused.
    #[error(transparent)]
    Enqueue(#[from] LedgerError),
}

impl PeopleError {
    pub(super) fn field(field: &'static str, detail: impl Into<String>) -> Self {
        Self::Field { field, detail: detail.into() }
    }
}

/// What people's functions return.
pub type Result<T> = std::result::Result<T, PeopleError>;

impl From<AddressError> for PeopleError {
    fn from(_: AddressError) -> Self {
        Self::Address
    }
}
