//! Reports this worker process with its queues and its number of jobs, and learns whether it should take no more jobs.

use std::{collections::BTreeMap, time::Duration};

use herald_db::{Db, Json};
use herald_ledger as ledger;
use herald_ledger::{Capacity, WorkerRow, WorkerState, redis_wire::RedisWire};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::runner::{InFlight, QueueShare};

/// The interval of the reports. Schedulers believe a report for [`ledger::WORKER_BELIEVED`].
const EVERY: Duration = Duration::from_secs(2);

/// The report of a worker process to the fleet.
pub struct Presence {
    /// The ledger's database.
    pub db: Db,
    /// The connection to Redis, which notifies schedulers of free room.
    pub redis: RedisWire,
    /// The id of the worker, which is new at each start.
    pub worker_id: Uuid,
    /// The name of the worker, for people to read.
    pub name: String,
    /// The queues that the worker takes jobs from.
    pub queues: Vec<QueueShare>,
    /// The jobs that the worker runs.
    pub in_flight: InFlight,
    /// Whether the worker takes no more jobs, because of a signal or a person's request.
    pub quiet: watch::Sender<bool>,
    /// Whether the command line or a signal told the worker to take no more jobs. Only another signal ends that.
    pub quiet_here: watch::Receiver<bool>,
}

impl Presence {
    /// Runs until `gone` is cancelled, then removes the worker from the list.
    pub async fn run(self, stop: CancellationToken, gone: CancellationToken) {
        let queues: BTreeMap<String, Capacity> = self
            .queues
            .iter()
            .map(|share| (share.queue.clone(), Capacity { concurrency: share.concurrency, prefetch: share.prefetch }))
            .collect();
        let mut here = self.quiet_here.clone();
        let mut row = WorkerRow {
            id: self.worker_id,
            name: self.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            state: WorkerState::Running,
            quiet_asked: false,
            queues: Json(queues),
            running: 0,
            started_at: self.db.now(),
            seen_at: self.db.now(),
        };
        let mut told = None;
        loop {
            row.state = match (stop.is_cancelled(), *self.quiet.borrow()) {
                (true, _) => WorkerState::Stopping,
                (false, true) => WorkerState::Quiet,
                (false, false) => WorkerState::Running,
            };
            let before = told.replace(row.state);
            row.running = i64::try_from(self.in_flight.count()).unwrap_or(i64::MAX);
            row.seen_at = self.db.now();
            match ledger::worker_seen(&self.db, &row).await {
                Ok(asked) => {
                    if row.state == WorkerState::Running && before != Some(row.state) {
                        self.tell_room().await;
                    }
                    let wanted = asked || *here.borrow_and_update();
                    if self.quiet.send_if_modified(|quiet| std::mem::replace(quiet, wanted) != wanted) {
                        tracing::info!(quiet = wanted, "taking jobs changed");
                        continue;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "the fleet could not be told that this worker is there, will try again")
                }
            }
            tokio::select! {
                () = gone.cancelled() => break,
                () = stop.cancelled(), if row.state != WorkerState::Stopping => {}
                Ok(()) = here.changed() => {}
                () = self.db.clock().sleep(EVERY) => {}
            }
        }
        if let Err(error) = ledger::worker_left(&self.db, self.worker_id).await {
            tracing::warn!(%error, "this worker could not take itself off the list: it is forgotten after a while");
        }
    }

    async fn tell_room(&self) {
        if let Err(error) = self.redis.tell_room().await {
            // Their next tick finds the room.
            tracing::warn!(%error, "schedulers could not be told that there is room");
        }
    }
}
