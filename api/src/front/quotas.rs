//! The problem that a client gets when a workspace has reached its quota of a resource.

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
