//! Renews the leases of jobs that wait on the fleet's wire. So these jobs are lost only if the wire is lost.

use tokio_util::sync::CancellationToken;

use crate::Scheduler;

/// Renews each lease three times in its length, so two renewals may fail.
pub(crate) async fn run(scheduler: &Scheduler, stop: &CancellationToken) {
    let db = &scheduler.db;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = db.clock().sleep(scheduler.lease / 3) => {}
        }
        if let Err(error) = scheduler.outlet.renew_waiting(db, scheduler.lease).await {
            tracing::warn!(%error, "the leases of jobs on the wire could not be renewed, will try again");
        }
    }
}
