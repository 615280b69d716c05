//! Renews the leases of all jobs that this process holds, and passes cancellations on.

use std::{collections::HashSet, time::Duration};

use herald_base::telemetry::catalog::LEASES_LOST;
use herald_db::Db;
use herald_ledger as ledger;
use herald_ledger::{JobKey, wire::Wire};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::in_flight::InFlight;

/// Keeps the leases of a runner's jobs.
pub(super) struct LeaseKeeper {
    pub(super) db: Db,
    pub(super) wire: Wire,
    pub(super) in_flight: InFlight,
    pub(super) lease: Duration,
    /// The name of the holder, if the dispatcher leases under another name.
    pub(super) holder: Option<String>,
}

impl LeaseKeeper {
    /// Runs until `stopped` is cancelled. Each lease is renewed three times in its length, so two renewals may fail.
    pub(super) async fn run(self, stopped: CancellationToken) {
        let Self { db, wire, in_flight, lease, .. } = &self;
        let mut cancels = wire.cancels();
        let mut next = db.now() + *lease / 3;
        loop {
            tokio::select! {
                () = stopped.cancelled() => return,
                () = db.clock().sleep_until(next) => {
                    next = db.now() + *lease / 3;
                    self.renew().await;
                }
                cancel = cancels.recv() => match cancel {
                    Ok(job) => { in_flight.cancel(job); }
                    // Too many cancellations came at once. The next renewal reads the rest from the ledger.
                    Err(RecvError::Lagged(_)) => next = db.now(),
                    Err(RecvError::Closed) => return,
                }
            }
        }
    }

    async fn renew(&self) {
        let Self { db, wire, in_flight, lease, holder } = self;
        // The wire comes first: a job that leaves it meanwhile is in flight before it is gone from there.
        let mut held = wire.waiting();
        let running = in_flight.keys();
        held.extend(&running);
        let until = db.now() + *lease;
        match ledger::renew_as(db, holder.as_deref(), &held, *lease).await {
            Ok(renewals) => {
                renewals.iter().filter(|renewal| renewal.cancel_requested).for_each(|renewal| {
                    in_flight.cancel(renewal.id);
                });
                let kept: HashSet<Uuid> = renewals.iter().map(|renewal| renewal.id).collect();
                wire.renewed(&kept, until);
                in_flight.renewed(&kept, until);
                let still_held: HashSet<JobKey> = in_flight.keys().into_iter().collect();
                // An attempt whose outcome was committed meanwhile has no lease to lose.
                for lost in running.iter().filter(|key| !kept.contains(&key.id) && still_held.contains(key)) {
                    LEASES_LOST.add([], 1);
                    tracing::warn!(job = %lost.id, attempt = lost.attempt, "lease lost: stopping");
                    in_flight.cancel_attempt(*lost);
                }
            }
            Err(error) => tracing::warn!(%error, jobs = held.len(), "leases could not be renewed, will try again"),
        }
    }
}
