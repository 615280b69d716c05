//! Decides when: dispatches due jobs, rescues lost ones, prunes old ones, fires schedules. Never does the work.

mod dispatcher;
mod observe;
mod outlet;
mod rescue;
mod retention;
mod schedules;
mod sweep;
mod waiting;

use std::time::Duration;

use herald_db::Db;
use tokio_util::sync::CancellationToken;

pub use outlet::Outlet;
pub use rescue::rescue_all;
pub use schedules::fire_due;

/// A scheduler. Any number of them may run on one ledger.
#[derive(Clone)]
pub struct Scheduler {
    /// The ledger's database.
    pub db: Db,
    /// Where leased jobs go.
    pub outlet: Outlet,
    /// How long a lease lasts without renewal.
    pub lease: Duration,
    /// The slowest it looks for due jobs when nothing wakes it.
    pub tick: Duration,
    /// How long finished jobs are kept.
    pub keep: Duration,
}

impl Scheduler {
    /// Runs until `stop` is cancelled.
    pub async fn run(self, stop: CancellationToken) {
        tokio::join!(
            dispatcher::run(&self, &stop),
            rescue::run(&self, &stop),
            retention::run(&self, &stop),
            sweep::run(&self, &stop),
            waiting::run(&self, &stop),
            schedules::run(&self, &stop),
            observe::run(&self, &stop),
        );
    }
}
