//! The live fleet: every worker process says every other second that it is there, and what it can take.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use herald_base::boxed;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use herald_db::{Db, FromRow, Json, Result, Tx, query};

/// How long a worker is believed to be there after it last said so.
pub const WORKER_BELIEVED: TimeDelta = TimeDelta::seconds(8);

/// What a worker takes from one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Capacity {
    /// The number of jobs that it runs at once.
    pub concurrency: usize,
    /// The number of jobs that may wait for it on the wire.
    pub prefetch: usize,
}

herald_base::text_enum! {
    /// The state of a worker process.
    pub enum WorkerState, "unknown state of a worker {:?}" {
        /// It takes jobs.
        Running "running",
        /// It finishes its jobs and takes no more.
        Quiet "quiet",
        /// It finishes its jobs and ends.
        Stopping "stopping",
    }
}

/// A worker process.
#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
pub struct WorkerRow {
    /// The id of the process, new at each start.
    pub id: Uuid,
    /// The host and process, for people to read.
    pub name: String,
    /// The version of Herald.
    pub version: String,
    /// `running`, `quiet` (the worker finishes its jobs and takes no more) or `stopping`.
    #[schema(value_type = String, pattern = "^(running|quiet|stopping)$")]
    #[sqlx(try_from = "String")]
    pub state: WorkerState,
    /// Whether a person told the worker to take no more jobs.
    pub quiet_asked: bool,
    /// The queues of the worker.
    #[schema(value_type = BTreeMap<String, Capacity>)]
    pub queues: Json<BTreeMap<String, Capacity>>,
    /// The number of running jobs.
    pub running: i64,
    /// When the worker started.
    pub started_at: DateTime<Utc>,
    /// When the worker last sent a heartbeat.
    pub seen_at: DateTime<Utc>,
}

/// Says that a worker is there, and returns whether a person wants it to be quiet.
#[boxed]
pub async fn worker_seen(db: &Db, worker: &WorkerRow) -> Result<bool> {
    let mut tx = db.begin().await?;
    let (quiet_asked,): (bool,) = query(
        "insert into workers (id, name, version, state, quiet_asked, queues, running, started_at, seen_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (id) do update set state = excluded.state, running = excluded.running, seen_at = excluded.seen_at
         returning quiet_asked",
    )
    .bind(worker.id)
    .bind(worker.name.as_str())
    .bind(worker.version.as_str())
    .bind(worker.state.as_str())
    .bind(worker.quiet_asked)
    .bind(serde_json::to_value(&worker.queues.0).expect("capacities are plain data"))
    .bind(worker.running)
    .bind(worker.started_at)
    .bind(worker.seen_at)
    .one(&mut tx)
    .await?;
    tx.commit().await?;
    Ok(quiet_asked)
}

/// Takes a worker that has stopped off the list.
#[boxed]
pub async fn worker_left(db: &Db, id: Uuid) -> Result<()> {
    let mut tx = db.begin().await?;
    query("delete from workers where id = $1").bind(id).execute(&mut tx).await?;
    tx.commit().await
}

/// The workers seen since, oldest first.
#[boxed]
pub async fn list_workers(db: &Db, since: DateTime<Utc>) -> Result<Vec<WorkerRow>> {
    query(
        "select id, name, version, state, quiet_asked, queues, running, started_at, seen_at from workers
         where seen_at >= $1 order by started_at, id",
    )
    .bind(since)
    .all(db)
    .await
}

/// How many jobs may wait on the wire for each queue: what the workers seen since, and taking jobs, have room for.
#[boxed]
pub async fn capacity(db: &Db, since: DateTime<Utc>) -> Result<BTreeMap<String, usize>> {
    let mut room = BTreeMap::new();
    for worker in list_workers(db, since).await?.into_iter().filter(|worker| worker.state == WorkerState::Running) {
        for (queue, capacity) in worker.queues.0 {
            *room.entry(queue).or_default() += capacity.prefetch;
        }
    }
    Ok(room)
}

/// Asks workers of this name (all of them for `None`) to take no more jobs, or to go on. Returns how many were asked.
#[boxed]
pub async fn ask_quiet(db: &Db, name: Option<&str>, quiet: bool) -> Result<u64> {
    let mut tx = db.begin().await?;
    let asked = ask_quiet_in(&mut tx, name, quiet).await?;
    tx.commit().await?;
    Ok(asked)
}

/// As [`ask_quiet`], in an open transaction.
#[boxed]
pub async fn ask_quiet_in(tx: &mut Tx, name: Option<&str>, quiet: bool) -> Result<u64> {
    let asked = match name {
        Some(name) => query("update workers set quiet_asked = $1 where name = $2").bind(quiet).bind(name),
        None => query("update workers set quiet_asked = $1").bind(quiet),
    };
    asked.execute(tx).await
}

/// Forgets workers not seen since.
#[boxed]
pub async fn forget_workers(db: &Db, since: DateTime<Utc>) -> Result<u64> {
    let mut tx = db.begin().await?;
    let forgotten = query("delete from workers where seen_at < $1").bind(since).execute(&mut tx).await?;
    tx.commit().await?;
    Ok(forgotten)
}
