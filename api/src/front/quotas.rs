//! What a client hears when a workspace has as much of something as it may have.

use herald_ledger::quotas::QuotaError;

use crate::front::problem::{Kind, Problem};

impl From<QuotaError> for Problem {
    fn from(error: QuotaError) -> Self {
        match error {
            QuotaError::Exceeded { .. } => Self::new(Kind::QuotaExceeded, error),
            QuotaError::Db(error) => error.into(),
        }
    }
}
