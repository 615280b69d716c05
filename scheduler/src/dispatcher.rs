//! Leases due jobs and puts them on the wire, as many as the workers can take.

use chrono::TimeDelta;
use herald_shared::ledger::{self, Finished, Outcome};
use tokio_util::sync::CancellationToken;

use crate::Scheduler;

/// Wakes when a job was enqueued, when workers have room, when the next job comes due, and every tick.
pub(crate) async fn run(scheduler: &Scheduler, stop: &CancellationToken) {
    let Scheduler { db, wire, .. } = scheduler;
    let tick = TimeDelta::from_std(scheduler.tick).unwrap_or(TimeDelta::seconds(5));
    loop {
        let wake_at = match round(scheduler).await {
            Ok(Some(wake_at)) => wake_at.min(db.now() + tick),
            Ok(None) => db.now() + tick,
            Err(error) => {
                metrics::counter!("herald_dispatch_errors_total").increment(1);
                tracing::warn!(%error, "dispatch failed, will try again");
                db.now() + TimeDelta::milliseconds(250)
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = db.nudged() => {}
            () = wire.demand_rose() => {}
            () = db.clock().sleep_until(wake_at) => {}
        }
    }
}

/// Dispatches until nothing due is left or the wire is full. Returns when the next job comes due.
async fn round(scheduler: &Scheduler) -> herald_shared::db::Result<Option<chrono::DateTime<chrono::Utc>>> {
    let Scheduler { db, wire, .. } = scheduler;
    loop {
        let demand = wire.demand();
        if demand.is_empty() {
            return Ok(None);
        }
        let dispatched = ledger::dispatch(db, &demand, &scheduler.name, scheduler.lease).await?;
        if dispatched.jobs.is_empty() {
            return Ok(dispatched.next_due);
        }
        metrics::counter!("herald_dispatched_total").increment(dispatched.jobs.len() as u64);
        let refused = wire.push(dispatched.jobs);
        if !refused.is_empty() {
            // Their worker left between the question and the answer.
            let finished: Vec<Finished> = refused
                .into_iter()
                .map(|job| Finished { outcome: Outcome::Snooze { run_at: job.run_at }, job })
                .collect();
            if let Err(error) = ledger::commit(db, &finished).await {
                tracing::warn!(%error, "jobs could not be handed back: they return when their leases run out");
            }
        }
    }
}
