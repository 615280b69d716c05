//! Brings back the jobs of workers that died: their leases have run out.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use herald_shared::{
    db::Db,
    jobs,
    ledger::{self, EnqueueError, Finished, Leased, Outcome},
};
use tokio_util::sync::CancellationToken;

use crate::Scheduler;

const GROUP: usize = 500;

pub(crate) async fn run(scheduler: &Scheduler, stop: &CancellationToken) {
    let db = &scheduler.db;
    let pause = (scheduler.lease / 4).clamp(Duration::from_millis(250), Duration::from_secs(5));
    loop {
        match rescue(db, db.now()).await {
            Ok(0) => {}
            Ok(jobs) => tracing::warn!(jobs, "jobs came back from workers that died"),
            Err(error) => tracing::warn!(%error, "rescue failed, will try again"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = db.clock().sleep(pause) => {}
        }
    }
}

/// Brings back every leased job, for a process that knows it is the only one: whoever held them is gone.
pub async fn rescue_all(db: &Db) -> Result<usize, EnqueueError> {
    rescue(db, db.now() + TimeDelta::days(36_500)).await
}

async fn rescue(db: &Db, before: DateTime<Utc>) -> Result<usize, EnqueueError> {
    let mut rescued = 0;
    loop {
        let lost = ledger::lost_jobs(db, before, GROUP).await?;
        if lost.is_empty() {
            return Ok(rescued);
        }
        let finished: Vec<Finished> = lost.into_iter().map(|job| lost_attempt(db, job)).collect();
        let written = ledger::commit(db, &finished).await?.written;
        metrics::counter!("herald_leases_expired_total").increment(written as u64);
        rescued += written;
        if written == 0 {
            // Another scheduler was faster.
            return Ok(rescued);
        }
    }
}

/// A lost attempt counts, so that a job that kills its worker dies instead of looping.
fn lost_attempt(db: &Db, job: Leased) -> Finished {
    let error = format!("the worker that ran attempt {} ended without an outcome", job.attempt);
    let outcome = if job.is_last_attempt() {
        Outcome::Dead { facts: jobs::facts_on_death(&job.kind, &job.args.0, &error), error }
    } else {
        Outcome::Retry { error, run_at: db.now() }
    };
    Finished { job, outcome }
}
