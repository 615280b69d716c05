//! Runner and scheduler together, over the wire of one process, with handlers made for the test.
//!
//! The clock stands still unless a test moves it, and the scheduler's tick is an hour: whatever happens in these tests
//! happens because something woke it.

mod acts;
mod away;
mod failures;
mod letters;
mod life;
mod restart;
mod stopping;
mod traces;

use std::{future::Future, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use herald_db::{Db, query};
use herald_ledger::wire::Wire;
use herald_scheduler::{Outlet, Scheduler};
use herald_worker::runner::{Attempt, Done, Failure, Handler, InFlight, QueueShare, Runner};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::ground::QUEUE;

/// The leases of a [`Fleet`].
const LEASE: Duration = Duration::from_secs(600);
/// How long a [`Fleet`] waits for running jobs when it stops.
const STOP_AFTER: Duration = Duration::from_secs(20);

/// A scheduler and a runner, as one process has them.
struct Fleet {
    wire: Wire,
    in_flight: InFlight,
    stop: CancellationToken,
    runner: JoinHandle<()>,
    scheduler: JoinHandle<()>,
}

impl Fleet {
    /// Works on the queue of the plain jobs, two at a time.
    fn start(db: &Db, handler: Handler) -> Self {
        Self::with_queues(db, vec![QueueShare { queue: QUEUE.to_owned(), concurrency: 2, prefetch: 8 }], handler)
    }

    fn with_queues(db: &Db, queues: Vec<QueueShare>, handler: Handler) -> Self {
        let (wire, in_flight, stop) = (Wire::in_process(), InFlight::default(), CancellationToken::new());
        let runner = Runner {
            db: db.clone(),
            wire: wire.clone(),
            queues,
            lease: LEASE,
            stop_after: STOP_AFTER,
            holder: None,
            in_flight: in_flight.clone(),
            handler,
        };
        let scheduler = Scheduler {
            db: db.clone(),
            outlet: Outlet::in_process(wire.clone(), "the only one".to_owned()),
            lease: LEASE,
            tick: Duration::from_secs(3_600),
            keep: Duration::from_secs(30 * 86_400),
        };
        Self {
            wire,
            in_flight,
            runner: tokio::spawn(runner.run(stop.child_token())),
            scheduler: tokio::spawn(scheduler.run(stop.child_token())),
            stop,
        }
    }

    /// Stops as a process does, and returns when every outcome is written.
    async fn stop(self) {
        self.stop.cancel();
        self.runner.await.unwrap();
        self.scheduler.await.unwrap();
    }
}

fn handler<F, R>(run: F) -> Handler
where
    F: Fn(Attempt) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Done, Failure>> + Send + 'static,
{
    Arc::new(move |attempt| Box::pin(run(attempt)))
}

/// Moves the clock to when the next job comes due, if until then nothing can happen.
async fn skip_waiting(db: &Db) {
    let busy = "select count(*) from jobs where state = 'running' or (state = 'ready' and run_at <= $1)";
    let (busy,): (i64,) = query(busy).bind(db.now()).one(db).await.unwrap();
    let (next,): (Option<DateTime<Utc>>,) =
        query("select min(run_at) from jobs where state = 'ready'").one(db).await.unwrap();
    if let (0, Some(next)) = (busy, next) {
        db.clock().advance((next - db.now()).to_std().unwrap_or_default());
    }
}

/// A handler that has nothing to do.
fn does_nothing() -> Handler {
    handler(async |_| Ok(Done::default()))
}
