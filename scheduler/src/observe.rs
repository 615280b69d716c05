//! Reads the values for the gauges of queues, batches, workers and campaigns from the database. Every scheduler does
//! this, so that one of them may be missing.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use herald_base::telemetry::catalog::{
    BATCHES, CAMPAIGN_MESSAGES, CAMPAIGNS, MESSAGES_OLDEST_PENDING, OBSERVATIONS, QUEUE_BLOCKED, QUEUE_JOBS,
    QUEUE_OLDEST_DUE, QUEUE_PAUSED, WORKERS,
};
use herald_db::Result;
use herald_ledger as ledger;
use herald_ledger::{WORKER_BELIEVED, WorkerState};
use herald_messaging::campaign_load;
use tokio_util::sync::CancellationToken;

use crate::Scheduler;

/// The interval in seconds, a little shorter than that of Prometheus.
const EVERY: i64 = 10;

pub(crate) async fn run(scheduler: &Scheduler, stop: &CancellationToken) {
    let db = &scheduler.db;
    // A queue that no longer exists is reported once more, because a gauge that is not set keeps its last value.
    let mut known: BTreeSet<String> = ledger::kinds().iter().map(|kind| kind.policy.queue.to_owned()).collect();
    loop {
        let outcome = match observe(scheduler, &mut known).await {
            Ok(()) => "ok",
            Err(error) => {
                tracing::warn!(%error, "the ledger could not be read for the metrics, will try again");
                "failed"
            }
        };
        OBSERVATIONS.add([outcome], 1);
        tokio::select! {
            () = stop.cancelled() => return,
            () = db.clock().sleep_until(db.now() + TimeDelta::seconds(EVERY)) => {}
        }
    }
}

async fn observe(scheduler: &Scheduler, known: &mut BTreeSet<String>) -> Result<()> {
    let db = &scheduler.db;
    let now = db.now();
    let load = ledger::load(db).await?;
    known.extend(load.iter().map(|queue| queue.name.clone()));
    for name in known.iter() {
        let queue = load.iter().find(|queue| queue.name == *name);
        let due = queue.and_then(|queue| queue.oldest_due).map_or(0.0, |since| (now - since).as_seconds_f64());
        QUEUE_OLDEST_DUE.set([name], due.max(0.0));
        QUEUE_PAUSED.set([name], f64::from(u8::from(queue.is_some_and(|queue| queue.paused))));
        QUEUE_BLOCKED.set([name], f64::from(u8::from(queue.is_some_and(|queue| queue.blocked))));
        QUEUE_JOBS.set([name, "ready"], queue.map_or(0.0, |queue| queue.ready as f64));
        QUEUE_JOBS.set([name, "running"], queue.map_or(0.0, |queue| queue.running as f64));
    }
    BATCHES.set([], ledger::running_batches(db).await? as f64);
    let campaigns = campaign_load(db).await?;
    campaigns.campaigns.iter().for_each(|(state, count)| CAMPAIGNS.set([state.as_str()], *count as f64));
    for (channel, state, count) in &campaigns.messages {
        CAMPAIGN_MESSAGES.set([channel.as_str(), state.as_str()], *count as f64);
    }
    let oldest = campaigns.oldest_pending.map_or(0.0, |since| (now - since).as_seconds_f64());
    MESSAGES_OLDEST_PENDING.set([], oldest.max(0.0));
    if scheduler.outlet.is_fleet() {
        let workers = ledger::list_workers(db, now - WORKER_BELIEVED).await?;
        for state in WorkerState::ALL {
            WORKERS.set([state.as_str()], workers.iter().filter(|worker| worker.state == *state).count() as f64);
        }
    }
    Ok(())
}
