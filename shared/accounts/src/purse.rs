//! A queue's rate, from which a job pays for its requests to a provider.

use futures::{FutureExt, future::BoxFuture};

use herald_db::Db;
use herald_ledger as ledger;
use herald_providers::{Class, Meter, ProviderError, Purse, Result};

#[derive(Debug)]
struct Queue {
    db: Db,
    name: String,
}

/// The budget of a job of `queue` that has already paid for `cost` requests.
pub fn meter_of_job(db: &Db, queue: &str, cost: i64) -> Meter {
    Meter::of_job(Queue { db: db.clone(), name: queue.to_owned() }, cost)
}

impl Purse for Queue {
    fn take(&self, units: i64) -> BoxFuture<'_, Result<()>> {
        async move {
            let at = ledger::charge(&self.db, &self.name, units).await.map_err(|error| {
                ProviderError::new(Class::Transient, format!("the queue's rate cannot be read: {error}"))
            })?;
            self.db.clock().sleep_until(at).await;
            Ok(())
        }
        .boxed()
    }
}
