//! Why the ledger did not do what it was asked.

use thiserror::Error;

use super::MAX_ARGS_BYTES;
use herald_db::DbError;

/// Why the ledger wrote nothing: of jobs to be enqueued, or of jobs that follow from what was asked.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// The arguments are too large.
    #[error(
        "the arguments of a {kind} job are {bytes} bytes of JSON, over the limit of {MAX_ARGS_BYTES}: pass ids, \
         not data"
    )]
    TooLarge {
        /// The job's kind.
        kind: String,
        /// Their size.
        bytes: usize,
    },
    /// The arguments are not a JSON object.
    #[error("the arguments of a {kind} job are not a JSON object")]
    NotAnObject {
        /// The job's kind.
        kind: String,
    },
    /// The database refused.
    #[error(transparent)]
    Db(#[from] DbError),
}
