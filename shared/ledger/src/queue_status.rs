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
    let mut queues: Vec<QueueStatus> = query(&counted(
        "waiting(name) as (
           select min(queue) from jobs where state = 'ready'
           union all
           select (select min(queue) from jobs where state = 'ready' and queue > waiting.name) from waiting \
           where waiting.name is not null
         ), names as (
           select name from queues
           union select name from waiting where name is not null
           union select queue from jobs where state = 'running'
         )",
    ))
    .bind(COUNTED)
    .all(db)
    .await?;
    let (oldest, ended): (BTreeMap<_, _>, _) =
        (oldest_due(db).await?.into_iter().collect(), ended_per_minute(db).await?);
    for queue in &mut queues {
        queue.oldest_due = oldest.get(&queue.name).copied();
        queue.ended_per_minute = ended.get(&queue.name).copied().unwrap_or_default();
    }
    // Sorted here: PostgreSQL would sort by the rules of its locale.
    queues.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(queues)
}

/// One queue as [`list_queues`] tells of it. `None` if it was never set up and has no jobs.
#[boxed]
pub async fn find_queue(db: &Db, name: &str) -> Result<Option<QueueStatus>> {
    if find_limits(db, name).await?.is_none() {
        return Ok(None);
    }
    let named = query(&counted("names as (select cast($2 as text) as name)"));
    let mut queue: QueueStatus = named.bind(COUNTED).bind(name).one(db).await?;
    queue.oldest_due = oldest_of(db, name, db.now()).await?;
    queue.ended_per_minute = ended_per_minute(db).await?.get(name).copied().unwrap_or_default();
    Ok(Some(queue))
}

/// The statement that counts the jobs of the queues `names`.
fn counted(names: &str) -> String {
    let count = |state: &str| {
        format!(
            "(select count(*) from (select 1 as one from jobs where state = '{state}' and queue = names.name limit $1) \
             as counted)"
        )
    };
    format!(
        "with recursive {names}
         select names.name, coalesce(q.paused, false) as paused, {} as ready, {} as running,
                q.rate, coalesce(q.rate_seconds, 1) as rate_seconds, q.burst, q.concurrency, q.key_concurrency,
                q.workspace_concurrency, q.blocked_until, q.blocked_reason
         from names left join queues as q on q.name = names.name",
        count("ready"),
        count("running"),
    )
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
