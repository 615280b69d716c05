//! Paying for requests from a queue's rate.
//!
//! A job has paid for as many requests as its cost says when it was leased. A request beyond that (a look-up after a 409, the next page) is
//! paid for here, before it is made: it takes its place in the same rate, for the whole fleet, and waits for it. So a provider never sees
//! more than the rate, however many requests a job turns out to need.

use std::sync::atomic::{AtomicI64, Ordering};

use super::{Class, ProviderError, Result};
use crate::{db::Db, ledger};

/// What one job may spend.
#[derive(Debug)]
pub struct Meter {
    account: Option<(Db, String)>,
    paid: AtomicI64,
}

impl Meter {
    /// For a job of `queue` that has paid for `cost` requests.
    pub fn of_job(db: &Db, queue: &str, cost: i64) -> Self {
        Self { account: Some((db.clone(), queue.to_owned())), paid: AtomicI64::new(cost) }
    }

    /// For calls that no queue limits, such as an admin's test of a connection.
    pub fn free() -> Self {
        Self { account: None, paid: AtomicI64::new(0) }
    }

    /// Pays for `units` requests, and waits until they may be made.
    ///
    /// # Errors
    /// [`Class::Transient`] when the database does not answer.
    pub async fn pay(&self, units: i64) -> Result<()> {
        let Some((db, queue)) = &self.account else { return Ok(()) };
        let spent =
            self.paid.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |paid| (paid >= units).then(|| paid - units));
        if spent.is_ok() {
            return Ok(());
        }
        let at = ledger::charge(db, queue, units).await.map_err(|error| {
            ProviderError::new(Class::Transient, format!("the queue's rate cannot be read: {error}"))
        })?;
        db.clock().sleep_until(at).await;
        Ok(())
    }
}
