//! Brings back the jobs of workers that died, after their leases have run out.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use herald_base::telemetry::catalog::{LEASES_EXPIRED, WIRE_LOST};
use herald_db::Db;
use herald_ledger as ledger;
use herald_ledger::{Finished, Leased, LedgerError, Outcome, Starter, schedules};
use tokio_util::sync::CancellationToken;

use crate::Scheduler;

const GROUP: usize = 500;
/// How long a worker that disappeared stays on the list, for people to see.
const FORGOTTEN: TimeDelta = TimeDelta::hours(1);

pub(crate) async fn run(scheduler: &Scheduler, stop: &CancellationToken) {
    let db = &scheduler.db;
    let pause = (scheduler.lease / 8).clamp(Duration::from_millis(250), Duration::from_secs(5));
    loop {
        match rescue(db, db.now()).await {
            Ok(0) => {}
            Ok(jobs) => tracing::warn!(jobs, "jobs came back from workers that died"),
            Err(error) => tracing::warn!(%error, "rescue failed, will try again"),
        }
        if let Err(error) = forget(db, scheduler.lease).await {
            tracing::warn!(%error, "old claims and workers could not be forgotten, will try again");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = db.clock().sleep(pause) => {}
        }
    }
}

/// Brings back every leased job. Only a process that knows it is the only one may call this, because all earlier
/// holders are gone.
pub async fn rescue_all(db: &Db) -> Result<usize, LedgerError> {
    rescue(db, db.now() + TimeDelta::days(36_500)).await
}

async fn rescue(db: &Db, before: DateTime<Utc>) -> Result<usize, LedgerError> {
    let mut rescued = 0;
    loop {
        let lost = ledger::lost_jobs(db, before, GROUP).await?;
        if lost.is_empty() {
            return Ok(rescued);
        }
        let holders = ledger::holders(db, &lost).await?;
        let mut finished: Vec<Finished> = Vec::with_capacity(lost.len());
        for lost in lost {
            finished.push(match holders.get(&lost.job.key()) {
                Some(worker) => {
                    let last_straw =
                        if may_be_scheduled(&lost.job) { schedules::note_lost(db, &lost).await? } else { None };
                    lost_attempt(db, lost.job, worker, last_straw)
                }
                None => lost_on_the_wire(db, lost.job),
            });
        }
        let written = ledger::commit(db, &finished).await?.written;
        LEASES_EXPIRED.add([], written as u64);
        rescued += written;
        if written == 0 {
            // Another scheduler was faster.
            return Ok(rescued);
        }
    }
}

/// The outcome of a job that was lost on the wire. It never ran, so the attempt does not count.
fn lost_on_the_wire(db: &Db, job: Leased) -> Finished {
    WIRE_LOST.add([], 1);
    Finished { outcome: Outcome::Snooze { run_at: job.run_at.min(db.now()) }, job }
}

/// Forgets old claims and workers. A claim is needed until its worker has renewed the leases under its own name, which
/// happens three times in the length of a lease.
async fn forget(db: &Db, lease: Duration) -> herald_db::Result<()> {
    let lease = TimeDelta::from_std(lease).unwrap_or(TimeDelta::seconds(60));
    ledger::forget_claims(db, db.now() - lease * 4).await?;
    ledger::forget_workers(db, db.now() - FORGOTTEN).await?;
    Ok(())
}

/// Whether a schedule may have created the job. Such a job belongs to no batch, and its kind can be started by a
/// schedule.
fn may_be_scheduled(job: &Leased) -> bool {
    let by_schedule = ledger::policy(&job.kind).map(|policy| policy.starts.schedule);
    job.batch_id.is_none() && by_schedule.is_some_and(|starter| starter != Starter::Nobody)
}

/// The outcome of a lost attempt. It counts, so that a job that kills its worker dies instead of looping. A schedule's
/// job dies at once if this is not its first loss in a row, and the schedule then shows the reason.
fn lost_attempt(db: &Db, job: Leased, worker: &str, last_straw: Option<String>) -> Finished {
    let mut error = format!("the worker that ran attempt {} ended without an outcome: {worker}", job.attempt);
    if last_straw.is_some() {
        error.push_str("; it was a schedule's, which is held up now");
    }
    let outcome = if job.is_last_attempt() || last_straw.is_some() {
        Outcome::Dead { error }
    } else {
        // The first time may be an accident. Later the job waits, so that it does not always take the same neighbours
        // down with it.
        let wait = match ledger::policy(&job.kind).map(|policy| policy.backoff) {
            Some(backoff) if job.attempt > 1 => backoff.after(job.attempt - 1, db.ids()),
            _ => Duration::ZERO,
        };
        Outcome::Retry { error, run_at: db.now() + wait }
    };
    Finished { job, outcome }
}
