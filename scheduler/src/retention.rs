//! Prunes jobs that ended long ago (their counts stay), and answers kept for who asks twice.

use std::time::Duration;

use chrono::TimeDelta;
use herald_shared::{idempotency, ledger};
use tokio_util::sync::CancellationToken;

use crate::Scheduler;

const GROUP: usize = 1_000;
const PAUSE: Duration = Duration::from_secs(3_600);

pub(crate) async fn run(scheduler: &Scheduler, stop: &CancellationToken) {
    let db = &scheduler.db;
    let keep = TimeDelta::from_std(scheduler.keep).unwrap_or(TimeDelta::days(30));
    loop {
        loop {
            match ledger::prune(db, db.now() - keep, GROUP).await {
                Ok(pruned) if pruned.jobs == GROUP && !stop.is_cancelled() => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "pruning failed, will try again");
                    break;
                }
            }
        }
        loop {
            match idempotency::prune(db, GROUP).await {
                Ok(pruned) if pruned == GROUP && !stop.is_cancelled() => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "pruning kept answers failed, will try again");
                    break;
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = db.clock().sleep(PAUSE) => {}
        }
    }
}
