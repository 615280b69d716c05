//! Moves jobs from the fleet's wire (Redis) to this process's own wire, but not more than it has room for.
//!
//! ```text
//!  Redis list ─▶ taker ─▶ still ours? ─▶ claim ─▶ this process's wire ─▶ runner
//! ```

use std::time::Duration;

use herald_db::{Db, Result};
use herald_ledger as ledger;
use herald_ledger::{
    Finished, JobKey, Leased, Outcome,
    redis_wire::{RedisWire, Taker},
    wire::Wire,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long the taker waits for the first job before it checks for a stop. Only the delay of a stop depends on it.
const WAIT: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Pulls the jobs of one queue.
pub struct Puller {
    /// The ledger's database.
    pub db: Db,
    /// The wire that jobs come from.
    pub redis: RedisWire,
    /// The wire that jobs go to.
    pub wire: Wire,
    /// The queue.
    pub queue: String,
    /// The id of the worker that claims the jobs.
    pub worker_id: Uuid,
    /// The length of a lease.
    pub lease: Duration,
    /// Whether this process takes no more jobs for now.
    pub quiet: watch::Receiver<bool>,
}

impl Puller {
    /// Runs until `stop` is cancelled. Jobs that were taken but cannot be passed on go back to the ledger.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut taker = self.redis.taker(&self.queue);
        let mut room = self.wire.room_changes();
        let mut pause = FIRST_PAUSE;
        while !stop.is_cancelled() {
            if *self.quiet.borrow_and_update() {
                tokio::select! {
                    () = stop.cancelled() => return,
                    _ = self.quiet.changed() => continue,
                }
            }
            let most = self.wire.room(&self.queue);
            if most == 0 {
                tokio::select! {
                    () = stop.cancelled() => return,
                    // The wire outlives the puller.
                    _ = room.changed() => continue,
                }
            }
            match self.bring(&mut taker, most).await {
                Ok(()) => pause = FIRST_PAUSE,
                Err(error) => {
                    tracing::warn!(%error, queue = self.queue, "jobs cannot be taken off the wire, will try again");
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                    }
                }
            }
        }
    }

    async fn bring(&self, taker: &mut Taker, most: usize) -> anyhow::Result<()> {
        // A stop does not interrupt this call, because the jobs that Redis has handed out must arrive.
        let taken = taker.take(most, WAIT).await?;
        if taken.is_empty() {
            return Ok(());
        }
        // There is room for more jobs now. If the notification gets lost, the schedulers find the room at their next
        // tick.
        let telling = self.redis.clone();
        tokio::spawn(async move { telling.tell_room().await });
        let ours = self.still_leased(taken).await?;
        let keys: Vec<JobKey> = ours.iter().map(Leased::key).collect();
        if keys.is_empty() {
            return Ok(());
        }
        ledger::claim(&self.db, self.worker_id, &keys).await?;
        let refused = self.wire.push(ours);
        if !refused.is_empty() {
            // The process is stopping.
            let finished: Vec<Finished> = refused
                .into_iter()
                .map(|job| Finished { outcome: Outcome::Snooze { run_at: job.run_at }, job })
                .collect();
            ledger::commit(&self.db, &finished).await?;
        }
        Ok(())
    }

    /// Keeps the jobs that still belong to this process. Most messages have more than half of their lease left. For the
    /// others, the ledger decides. Their lease may have been renewed while they waited, or another worker may have the
    /// job.
    async fn still_leased(&self, taken: Vec<Leased>) -> Result<Vec<Leased>> {
        let now = self.db.now();
        let (mut ours, old): (Vec<_>, Vec<_>) =
            taken.into_iter().partition(|job| job.lease_until > now + self.lease / 2);
        if !old.is_empty() {
            let keys: Vec<JobKey> = old.iter().map(Leased::key).collect();
            let until = now + self.lease;
            let kept = ledger::renew(&self.db, &keys, self.lease).await?;
            ours.extend(
                old.into_iter()
                    .filter(|job| kept.iter().any(|renewal| renewal.id == job.id))
                    .map(|job| Leased { lease_until: until, ..job }),
            );
        }
        Ok(ours)
    }
}
