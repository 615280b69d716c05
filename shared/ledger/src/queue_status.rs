//! What waits and runs in each queue, for people to read.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::Serialize;

use super::{
    QueueLimits,
    lanes::lanes,
    load::COUNTED,
    queue::{find_limits, with_ready_jobs},
    queue_counts::{QueueCounts, counted},
    throughput::ended_per_minute,
};
use herald_db::{Db, FromRow, Result, query};

/// A queue with its jobs and limits.
#[derive(Clone, Debug, Default, Serialize, FromRow, utoipa::ToSchema)]
pub struct QueueStatus {
    /// The name of the queue.
    pub name: String,
    /// Whether the queue is paused.
    pub paused: bool,
    /// The number of waiting jobs: due, delayed, or to be retried. Herald counts up to 100,000.
    pub ready: i64,
    /// The number of jobs leased to a worker. Herald counts up to 100,000.
    pub running: i64,
    /// Since when the job that has waited longest has been due. `null` when no job is due.
    #[sqlx(skip)]
    pub oldest_due: Option<DateTime<Utc>>,
    /// How many jobs ended in the last minute, whatever their end. Where the fleet ends many thousands a minute, Herald
    /// extrapolates from the last ten thousand.
    #[sqlx(skip)]
    pub ended_per_minute: i64,
    /// The limits of the queue.
    #[serde(flatten)]
    #[sqlx(flatten)]
    pub limits: QueueLimits,
    /// Until when a provider asked Herald to wait.
    pub blocked_until: Option<DateTime<Utc>>,
    /// The provider's message.
    pub blocked_reason: Option<String>,
}

/// Every queue that was ever set up or has jobs. Of each queue's waiting and running jobs at most [`COUNTED`] are
/// counted, so that a look at a long backlog costs no more than a look at a middling one.
#[boxed]
pub async fn list_queues(db: &Db) -> Result<Vec<QueueStatus>> {
    list_queues_with(db, &QueueCounts::default()).await
}

/// The same, with counts that may be a second old where they are large.
#[boxed]
pub async fn list_queues_with(db: &Db, counts: &QueueCounts) -> Result<Vec<QueueStatus>> {
    let counts = counts.look(db).await?;
    let set_up: Vec<QueueStatus> = query(
        "select name, paused, cast(0 as bigint) as ready, cast(0 as bigint) as running, rate,
                coalesce(rate_seconds, 1) as rate_seconds, burst, concurrency, key_concurrency, workspace_concurrency,
                blocked_until, blocked_reason
         from queues",
    )
    .all(db)
    .await?;
    let (oldest, ended) = (oldest_due(db).await?, ended_per_minute(db).await?);
    let mut queues: BTreeMap<String, QueueStatus> =
        set_up.into_iter().map(|queue| (queue.name.clone(), queue)).collect();
    for (name, count) in counts {
        let queue = queues.entry(name.clone()).or_insert_with(|| QueueStatus::unlimited(&name));
        (queue.ready, queue.running) = (count.ready, count.running);
    }
    for (name, due) in oldest {
        queues.entry(name.clone()).or_insert_with(|| QueueStatus::unlimited(&name)).oldest_due = Some(due);
    }
    for queue in queues.values_mut() {
        queue.ended_per_minute = ended.get(&queue.name).copied().unwrap_or_default();
    }
    Ok(queues.into_values().collect())
}

impl QueueStatus {
    /// A queue that was never set up and has no jobs.
    pub fn unlimited(name: &str) -> Self {
        Self { name: name.to_owned(), limits: QueueLimits::unlimited(), ..Self::default() }
    }
}

/// One queue as [`list_queues`] tells of it. `None` if it was never set up and has no jobs.
#[boxed]
pub async fn find_queue(db: &Db, name: &str) -> Result<Option<QueueStatus>> {
    if find_limits(db, name).await?.is_none() {
        return Ok(None);
    }
    let mut queue: QueueStatus = query(&format!(
        "select names.name, coalesce(q.paused, false) as paused, {}, q.rate,
                coalesce(q.rate_seconds, 1) as rate_seconds, q.burst, q.concurrency, q.key_concurrency,
                q.workspace_concurrency, q.blocked_until, q.blocked_reason
         from (select cast($2 as text) as name) as names left join queues as q on q.name = names.name",
        counted(),
    ))
    .bind(COUNTED)
    .bind(name)
    .one(db)
    .await?;
    queue.oldest_due = oldest_of(db, name, db.now()).await?;
    queue.ended_per_minute = ended_per_minute(db).await?.get(name).copied().unwrap_or_default();
    Ok(Some(queue))
}

/// The due time of each queue's job that has been due longest. Its cost is the number of queues and lanes, not of jobs.
#[boxed]
pub async fn oldest_due(db: &Db) -> Result<Vec<(String, DateTime<Utc>)>> {
    let now = db.now();
    let mut oldest = Vec::new();
    for name in with_ready_jobs(db).await? {
        let due = oldest_of(db, &name, now).await?;
        oldest.extend(due.map(|due| (name, due)));
    }
    Ok(oldest)
}

async fn oldest_of(db: &Db, queue: &str, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
    Ok(lanes(db, queue).await?.into_iter().map(|lane| lane.run_at).filter(|run_at| *run_at <= now).min())
}
