//! Pays for requests from a queue's rate.
//!
//! When a job is leased, it has paid for as many requests as its cost says. A further request (a look-up after a 409,
//! the next page) is paid for here, before it is sent. It takes its place in the same rate of the whole fleet, and
//! waits for it. So a provider never sees more than the rate, however many requests a job turns out to need.

use std::{
    fmt::Debug,
    sync::atomic::{AtomicI64, Ordering},
};

use futures::future::BoxFuture;
use herald_base::boxed;

use super::Result;

/// A queue from whose rate requests are paid.
pub trait Purse: Debug + Send + Sync {
    /// Takes `units` from the rate, and returns when they may be used.
    fn take(&self, units: i64) -> BoxFuture<'_, Result<()>>;
}

/// The budget of one job.
#[derive(Debug)]
pub struct Meter {
    purse: Option<Box<dyn Purse>>,
    paid: AtomicI64,
}

impl Meter {
    /// Creates the meter of a job that has paid for `cost` requests and pays for more from this queue.
    pub fn of_job(purse: impl Purse + 'static, cost: i64) -> Self {
        Self { purse: Some(Box::new(purse)), paid: AtomicI64::new(cost) }
    }

    /// Creates a meter for calls without a queue's limit, such as an admin's test of a connection.
    pub fn free() -> Self {
        Self { purse: None, paid: AtomicI64::new(0) }
    }

    /// Pays for `units` requests, and waits until they may be made.
    ///
    /// # Errors
    /// [`Class::Transient`](super::Class::Transient) when the rate cannot be read.
    #[boxed]
    pub async fn pay(&self, units: i64) -> Result<()> {
        let Some(purse) = &self.purse else { return Ok(()) };
        let spent =
            self.paid.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |paid| (paid >= units).then(|| paid - units));
        if spent.is_ok() { Ok(()) } else { purse.take(units).await }
    }
}
