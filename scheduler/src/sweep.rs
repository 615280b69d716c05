//! Ends jobs that no dispatcher will run: the waiting jobs of cancelled batches, and expired jobs. Also forgets
//! throttle keys that are free again.

use std::time::Duration;

use herald_base::telemetry::catalog::JOBS_EXPIRED;
use herald_db::Db;
use herald_ledger as ledger;
use herald_ledger::LedgerError;
use tokio_util::sync::CancellationToken;

use crate::Scheduler;

const PAUSE: Duration = Duration::from_secs(1);

pub(crate) async fn run(scheduler: &Scheduler, stop: &CancellationToken) {
    let db = &scheduler.db;
    loop {
        match sweep(db).await {
            // There may be more jobs, so continue at once, except after a stop.
            Ok(ended) if ended > 0 && !stop.is_cancelled() => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "jobs that are not to run could not be ended, will try again"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = db.clock().sleep(PAUSE) => {}
        }
    }
}

async fn sweep(db: &Db) -> Result<usize, LedgerError> {
    let cancelled = ledger::sweep_cancelled(db).await?;
    let expired = ledger::drop_expired(db).await?;
    if expired > 0 {
        tracing::warn!(jobs = expired, "jobs were dropped: their time was over before they could run");
        JOBS_EXPIRED.add([], expired as u64);
    }
    ledger::forget_throttles(db).await?;
    Ok(cancelled + expired)
}
