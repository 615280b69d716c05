//! The scheduler. It dispatches due jobs, rescues lost ones, prunes old ones, fires schedules, and reminds people of
//! follow-ups that are due. It never does the work itself.

mod dispatcher;
mod observe;
mod outlet;
mod reminders;
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
    /// The outlet for leased jobs.
    pub outlet: Outlet,
    /// The length of a lease without renewal.
    pub lease: Duration,
    /// The longest pause between two checks for due jobs when nothing wakes the scheduler.
    pub tick: Duration,
    /// How long finished jobs are stored.
    pub keep: Duration,
    /// How long the members of a snapshot are stored after its run has ended.
    pub keep_members: Duration,
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
            reminders::run(&self, &stop),
            observe::run(&self, &stop),
        );
    }
}
