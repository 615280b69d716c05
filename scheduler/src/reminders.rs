//! Reminds the owners of leads whose follow-up has come due. Any number of schedulers may look: each reminder is made
//! once.

use herald_base::telemetry::catalog::REMINDER_ERRORS;
use herald_leads::{RemindError, remind_due};
use tokio_util::sync::CancellationToken;

use crate::Scheduler;

/// The follow-ups that one transaction deals with at most.
const GROUP: usize = 500;

pub(crate) async fn run(scheduler: &Scheduler, stop: &CancellationToken) {
    let db = &scheduler.db;
    loop {
        if let Err(error) = remind_all(scheduler, stop).await {
            REMINDER_ERRORS.add([], 1);
            tracing::warn!(%error, "owners of leads could not be reminded, will try again");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = db.clock().sleep(scheduler.tick) => {}
        }
    }
}

async fn remind_all(scheduler: &Scheduler, stop: &CancellationToken) -> Result<(), RemindError> {
    loop {
        let reminded = remind_due(&scheduler.db, GROUP).await?;
        if reminded.told > 0 {
            tracing::info!(people = reminded.told, "owners of leads were reminded of follow-ups");
        }
        if reminded.due < GROUP || stop.is_cancelled() {
            return Ok(());
        }
    }
}
