//! Why something about messages cannot be done.

use thiserror::Error;

use herald_contacts::ContactError;
use herald_db::DbError;

/// Why an act on messages cannot be done.
#[derive(Debug, Error)]
pub enum MessagingError {
    /// A field cannot have this value.
    #[error("{detail}")]
    Field {
        /// The field.
        field: &'static str,
        /// What is wrong and what to do.
        detail: String,
    },
    /// The state does not allow the act.
    #[error("{0}")]
    WrongState(String),
    /// Somebody else changed it meanwhile.
    #[error("it has changed since you read it: read it again, and send its ETag with the change")]
    Changed,
    /// Something else of the workspace has the name.
    #[error("there is already a {what} with the name {name:?}: use it, or choose another name")]
    NameTaken {
        /// What has the name.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Suppressed addresses cannot be recognised.
    #[error("this process has no key to recognise suppressed addresses by: give it the setting secrets.key")]
    NoKey,
    /// A rule or a contact cannot be used.
    #[error(transparent)]
    Contact(#[from] ContactError),
    /// The database refused.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl MessagingError {
    pub(crate) fn field(field: &'static str, detail: impl Into<String>) -> Self {
        Self::Field { field, detail: detail.into() }
    }
}

/// What an act on messages comes to.
pub type Result<T> = std::result::Result<T, MessagingError>;
