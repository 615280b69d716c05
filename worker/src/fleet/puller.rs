//! Brings jobs from the fleet's wire (Redis) to this process's own, no more than it has room for.
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

/// How long taking waits for the first job before it looks around. Nothing depends on it but how soon a stop is
/// noticed.
const WAIT: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What brings the jobs of one queue.
pub struct Puller {
    /// The ledger's database.
    pub db: Db,
    /// Where jobs come from.
    pub redis: RedisWire,
    /// Where they go.
    pub wire: Wire,
    /// The queue.
    pub queue: String,
    /// Under whose name jobs are claimed.
    pub worker_id: Uuid,
    /// How long a lease lasts.
    pub lease: Duration,
    /// Whether this process takes no more jobs for now.
    pub quiet: watch::Receiver<bool>,
}

impl Puller {
    /// Runs until `stop`; what it has taken by then and cannot pass on is handed back.
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
                    // The wire outlives this.
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
        // Not cut off by a stop: what the server has given out must arrive.
        let taken = taker.take(most, WAIT).await?;
        if taken.is_empty() {
            return Ok(());
        }
        // Schedulers have room for more now. If they do not hear of it, their tick finds out.
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
            // This process is stopping.
            let finished: Vec<Finished> = refused
                .into_iter()
                .map(|job| Finished { outcome: Outcome::Snooze { run_at: job.run_at }, job })
                .collect();
            ledger::commit(&self.db, &finished).await?;
        }
        Ok(())
    }

    /// Most messages have most of their lease before them. For the others the ledger says whether it was renewed while
    /// they waited, or has run out and gone to somebody else.
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
