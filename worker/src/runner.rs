//! Runs jobs: takes them from the wire, keeps their leases, catches errors and panics, and writes their outcomes in
//! groups.
//!
//! ```text
//!  wire ─▶ consumer ─▶ apalis worker (one per queue) ─▶ settle ─▶ handler
//!                      concurrency limit                  │
//!          lease keeper ◀──────── in flight ◀─────────────┤
//!                                                         ▼
//!          ledger ◀─────────── committer ◀──────────── outcome
//! ```
//!
//! A job is in flight from the moment it is taken until its outcome is committed. Its lease is renewed all that time.

mod backend;
mod committer;
mod in_flight;
mod lease_keeper;
mod outcome;
mod settle;

use std::{sync::Arc, time::Duration};

use apalis::layers::WorkerBuilderExt;
use apalis_core::worker::builder::WorkerBuilder;
use futures::future::{BoxFuture, join_all};
use herald_base::telemetry::catalog::JOBS_AT_ONCE;
use herald_db::Db;
use herald_ledger::{Finished, Leased, Outcome, wire::Wire};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::{backend::WireBackend, lease_keeper::LeaseKeeper, settle::SettleLayer};
pub use self::{
    in_flight::InFlight,
    outcome::{Done, Failure},
};

/// The function that runs a job. A panic counts as a failed attempt.
pub type Handler = Arc<dyn Fn(Attempt) -> BoxFuture<'static, Result<Done, Failure>> + Send + Sync>;

/// One attempt of a job, as its handler receives it.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The job.
    pub job: Leased,
    /// The token that is cancelled when a person cancels the job, when its lease is lost, or when a stop has waited
    /// long enough. After a stop, the job goes back and runs again elsewhere, without counting this attempt.
    pub cancelled: CancellationToken,
}

/// One queue's share of a runner.
#[derive(Clone, Debug)]
pub struct QueueShare {
    /// The queue.
    pub queue: String,
    /// The number of concurrent jobs.
    pub concurrency: usize,
    /// The number of jobs that may wait on the wire, so that the next one is ready when one ends.
    pub prefetch: usize,
}

impl QueueShare {
    /// Creates a share with enough prefetch to keep `concurrency` jobs running.
    pub fn new(queue: &str, concurrency: usize) -> Self {
        Self { queue: queue.to_owned(), concurrency, prefetch: (concurrency * 2).max(8) }
    }
}

/// A set of workers in this process.
pub struct Runner {
    /// The ledger's database.
    pub db: Db,
    /// The wire that jobs come from.
    pub wire: Wire,
    /// The queues of the runner.
    pub queues: Vec<QueueShare>,
    /// The length of a lease without renewal.
    pub lease: Duration,
    /// How long a stop waits for running jobs.
    pub stop_after: Duration,
    /// The name under which leases are renewed, if the dispatcher leases under another name.
    pub holder: Option<String>,
    /// The jobs in flight. The caller creates the value and can read it.
    pub in_flight: InFlight,
    /// The handler of the jobs.
    pub handler: Handler,
}

/// The number of outcomes that may wait for the committer. If more wait, the workers wait for the database.
const OUTCOMES_WAITING: usize = 4_096;

impl Runner {
    /// Works until `stop` is cancelled. Then it finishes the running jobs, hands back the others, and returns when
    /// every outcome is written.
    pub async fn run(self, stop: CancellationToken) {
        let in_flight = self.in_flight.clone();
        let (outcomes, finished) = mpsc::channel(OUTCOMES_WAITING);
        let committer = tokio::spawn(committer::run(self.db.clone(), finished, in_flight.clone()));
        let stopped = CancellationToken::new();
        let keeper = LeaseKeeper {
            db: self.db.clone(),
            wire: self.wire.clone(),
            in_flight: in_flight.clone(),
            lease: self.lease,
            holder: self.holder.clone(),
        };
        let keeper = tokio::spawn(keeper.run(stopped.clone()));
        let workers = self.queues.iter().map(|share| {
            let consumer = self.wire.consumer(&share.queue, share.prefetch);
            JOBS_AT_ONCE.set([&share.queue], share.concurrency.max(1) as f64);
            let settle = SettleLayer {
                db: self.db.clone(),
                in_flight: in_flight.clone(),
                outcomes: outcomes.clone(),
                handler: self.handler.clone(),
            };
            let worker = WorkerBuilder::new(share.queue.as_str())
                .backend(WireBackend { consumer, in_flight: in_flight.clone() })
                .concurrency(share.concurrency.max(1))
                .layer(settle)
                .build(settle::never_reached);
            async move {
                if let Err(error) = worker.run().await {
                    tracing::error!(%error, "a worker ended early");
                }
            }
        });
        let deadline = {
            let (db, stop, in_flight, after) = (self.db.clone(), stop.clone(), in_flight.clone(), self.stop_after);
            tokio::spawn(async move {
                stop.cancelled().await;
                db.clock().sleep(after).await;
                tracing::warn!(jobs = in_flight.count(), "jobs still run: they are stopped and handed back");
                in_flight.hand_back_all();
            })
        };
        let hand_back = async {
            stop.cancelled().await;
            for share in &self.queues {
                for job in self.wire.close(&share.queue) {
                    let outcome = Outcome::Snooze { run_at: job.run_at };
                    // The committer outlives the workers.
                    let _ = outcomes.send(Finished { job, outcome }).await;
                }
            }
        };
        // `join_all` polls the workers of all queues in one task; the handlers run in separate tasks.
        tokio::join!(join_all(workers), hand_back);
        deadline.abort();
        drop(outcomes);
        if let Err(error) = committer.await {
            tracing::error!(%error, "the committer ended early: unwritten outcomes are run again when their leases run \
                out");
        }
        stopped.cancel();
        let _ = keeper.await;
    }
}
