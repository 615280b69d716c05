//! Why something about leads cannot be done.

use thiserror::Error;

use herald_contacts::ContactError;
use herald_db::DbError;

/// Why an act on leads cannot be done.
#[derive(Debug, Error)]
pub enum LeadError {
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
    /// The contact of the lead cannot be made.
    #[error(transparent)]
    Contact(#[from] ContactError),
    /// The database refused.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl LeadError {
    pub(crate) fn field(field: &'static str, detail: impl Into<String>) -> Self {
        Self::Field { field, detail: detail.into() }
    }
}

/// What an act on leads comes to.
pub type Result<T> = std::result::Result<T, LeadError>;
