//! Why something about contacts cannot be done.

use thiserror::Error;
use uuid::Uuid;

use herald_db::DbError;

/// Why an act on contacts cannot be done.
#[derive(Debug, Error)]
pub enum ContactError {
    /// A field cannot have this value.
    #[error("{detail}")]
    Field {
        /// The field.
        field: &'static str,
        /// What is wrong and what to do.
        detail: String,
    },
    /// A field of the workspace's own cannot have this value.
    #[error("{detail}")]
    OwnField {
        /// The field, as `fields/` and its key.
        field: String,
        /// What is wrong and what to do.
        detail: String,
    },
    /// The workspace knows the person already.
    #[error("{detail}")]
    Known {
        /// The contact who is this person.
        id: Uuid,
        /// What both have in common, and what to do.
        detail: String,
    },
    /// Another tag or segment has the name.
    #[error("there is already a {what} with the name {name:?}: use it, or choose another name")]
    NameTaken {
        /// What has the name.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The contact is not in the state that the act needs.
    #[error("{0}")]
    WrongState(String),
    /// Somebody else changed it meanwhile.
    #[error("it has changed since you read it: read it again, and send its ETag with the change")]
    Changed,
    /// The database refused.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl ContactError {
    pub(super) fn field(field: &'static str, detail: impl Into<String>) -> Self {
        Self::Field { field, detail: detail.into() }
    }
}
