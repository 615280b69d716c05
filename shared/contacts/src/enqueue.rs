//! Putting jobs of this crate into the ledger.

use herald_db::Tx;
use herald_ledger::{self as ledger, LedgerError, NewJob};

use super::ContactError;

/// Enqueues jobs whose arguments are an id each.
pub(super) async fn enqueue(tx: &mut Tx, jobs: Vec<NewJob>) -> Result<(), ContactError> {
    match ledger::enqueue(tx, jobs).await {
        Ok(_) => Ok(()),
        Err(LedgerError::Db(error)) => Err(error.into()),
        Err(error) => Err(ContactError::WrongState(error.to_string())),
    }
}
