//! A worker and a scheduler on a wire of their own, as one process has them.

use std::time::Duration;

use herald_db::Db;
use herald_ledger::{LedgerError, wire::Wire};
use herald_scheduler::{Outlet, Scheduler};
use herald_worker::runner::{Handler, InFlight, QueueShare, Runner};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What a [`Process`] works on, and by which times.
pub struct Work {
    queues: Vec<QueueShare>,
    handler: Handler,
    lease: Duration,
    tick: Duration,
}

impl Work {
    /// The leases, unless the test wants others.
    pub const LEASE: Duration = Duration::from_secs(600);
    /// How long a process waits for running jobs when it stops.
    pub const STOP_AFTER: Duration = Duration::from_secs(20);

    /// Work on these queues. The scheduler looks around only once an hour, so that whatever happens sooner happens
    /// because something woke it.
    pub fn on(queues: Vec<QueueShare>, handler: Handler) -> Self {
        Self { queues, handler, lease: Self::LEASE, tick: Duration::from_secs(3_600) }
    }

    /// With leases of this length.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// With a scheduler that looks around at least so often.
    #[must_use]
    pub fn tick(mut self, tick: Duration) -> Self {
        self.tick = tick;
        self
    }
}

/// A runner and a scheduler at work.
pub struct Process {
    /// On which the one hands jobs to the other.
    pub wire: Wire,
    /// What the runner holds.
    pub in_flight: InFlight,
    /// Stops both.
    pub stop: CancellationToken,
    runner: JoinHandle<()>,
    scheduler: JoinHandle<()>,
}

impl Process {
    /// Begins to work.
    pub fn start(db: &Db, work: Work) -> Self {
        let (wire, in_flight, stop) = (Wire::in_process(), InFlight::default(), CancellationToken::new());
        let runner = Runner {
            db: db.clone(),
            wire: wire.clone(),
            queues: work.queues,
            lease: work.lease,
            stop_after: Work::STOP_AFTER,
            holder: None,
            in_flight: in_flight.clone(),
            handler: work.handler,
        };
        let scheduler = Scheduler {
            db: db.clone(),
            outlet: Outlet::in_process(wire.clone(), format!("worker {}", db.new_id())),
            lease: work.lease,
            tick: work.tick,
            keep: Duration::from_secs(30 * 86_400),
            keep_members: Duration::from_secs(90 * 86_400),
        };
        Self {
            wire,
            in_flight,
            runner: tokio::spawn(runner.run(stop.child_token())),
            scheduler: tokio::spawn(scheduler.run(stop.child_token())),
            stop,
        }
    }

    /// Whether the runner has ended.
    pub fn has_ended(&self) -> bool {
        self.runner.is_finished()
    }

    /// Stops as a process does, and returns when every outcome is written.
    ///
    /// # Panics
    /// When the runner or the scheduler has panicked.
    pub async fn stop(self) {
        self.stop.cancel();
        self.runner.await.expect("the runner does not panic");
        self.scheduler.await.expect("the scheduler does not panic");
    }

    /// Is given up on in the middle of whatever it does: its jobs are taken from it, and what it still does or says of
    /// them comes too late.
    ///
    /// # Panics
    /// When the ledger cannot take its jobs back.
    pub async fn kill(self, db: &Db) {
        self.runner.abort();
        self.scheduler.abort();
        // Only then do they touch nothing more; but what the database was told to commit may still be under way, and is
        // found by its lease.
        let _ = tokio::join!(self.runner, self.scheduler);
        // As the scheduler does: that commit and this one may want the same rows, and PostgreSQL then ends one of them.
        while let Err(error) = herald_scheduler::rescue_all(db).await {
            assert!(matches!(&error, LedgerError::Db(error) if error.is_transient()), "{error}");
        }
    }
}
