//! Leases due jobs and puts them on the wire, as many as the workers have room for.

use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use herald_base::telemetry::catalog::{DISPATCH, DISPATCH_ERRORS, DISPATCHED};
use herald_ledger as ledger;
use herald_ledger::{Finished, Outcome};
use tokio_util::sync::CancellationToken;

use crate::Scheduler;

/// The pause before a retry if the database or the wire does not answer. It doubles each time, up to the tick.
const AFTER_AN_ERROR: TimeDelta = TimeDelta::milliseconds(250);

/// The result of a round.
struct Round {
    /// When the next job becomes due, if one waits for its time.
    next_due: Option<DateTime<Utc>>,
    /// Whether the round ended because the wire was full, and not because no job was due.
    full: bool,
}

/// Wakes when a job was enqueued, when workers have room, when the next job becomes due, and at every tick.
pub(crate) async fn run(scheduler: &Scheduler, stop: &CancellationToken) {
    let Scheduler { db, outlet, .. } = scheduler;
    let tick = TimeDelta::from_std(scheduler.tick).unwrap_or(TimeDelta::seconds(5));
    let mut pause = AFTER_AN_ERROR;
    loop {
        let round = match round(scheduler).await {
            Ok(round) => {
                pause = AFTER_AN_ERROR;
                round
            }
            Err(error) => {
                DISPATCH_ERRORS.add([], 1);
                tracing::warn!(%error, "dispatch failed, will try again");
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = db.clock().sleep_until(db.now() + pause) => pause = (pause * 2).min(tick),
                }
                continue;
            }
        };
        let wake_at = round.next_due.map_or(db.now() + tick, |due| due.min(db.now() + tick));
        tokio::select! {
            () = stop.cancelled() => return,
            () = db.nudged() => {}
            () = outlet.changed(round.full) => {}
            () = db.clock().sleep_until(wake_at) => {}
        }
    }
}

/// Dispatches until no due job is left or the wire is full.
async fn round(scheduler: &Scheduler) -> anyhow::Result<Round> {
    let Scheduler { db, outlet, .. } = scheduler;
    loop {
        let demand = outlet.demand(db).await?;
        if demand.is_empty() {
            return Ok(Round { next_due: None, full: true });
        }
        let began = Instant::now();
        let dispatched = ledger::dispatch(db, &demand, outlet.holder(), scheduler.lease).await?;
        DISPATCH.record([], began.elapsed().as_secs_f64());
        if dispatched.jobs.is_empty() && dispatched.untimely > 0 {
            continue;
        }
        if dispatched.jobs.is_empty() {
            return Ok(Round { next_due: dispatched.next_due, full: false });
        }
        DISPATCHED.add([], dispatched.jobs.len() as u64);
        let pushed = outlet.push(dispatched.jobs).await;
        if !pushed.refused.is_empty() {
            // Their worker left in the meantime, or Redis refuses jobs.
            let finished: Vec<Finished> = pushed
                .refused
                .into_iter()
                .map(|job| Finished { outcome: Outcome::Snooze { run_at: job.run_at }, job })
                .collect();
            if let Err(error) = ledger::commit(db, &finished).await {
                tracing::warn!(%error, "jobs could not be handed back: they return when their leases run out");
            }
        }
        if pushed.failed {
            anyhow::bail!("the wire does not take jobs");
        }
    }
}
