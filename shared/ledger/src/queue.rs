//! Queues are rows: what each may do, and holding one up. Changes hold for the whole fleet from the next lease on.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::Serialize;

use super::pace::Rate;
use herald_db::{Db, EngineKind, FromRow, Result, Target, Tx, query};

/// The limits of a queue in the whole fleet. `null` means no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, FromRow, utoipa::ToSchema)]
pub struct QueueLimits {
    /// The units of cost that may start in `rate_seconds`. A job costs 1 unless its kind says otherwise.
    pub rate: Option<i64>,
    /// The seconds over which `rate` counts: 1, 60, 3600 …
    pub rate_seconds: i64,
    /// The units of cost that may start at once after a pause; by default a tenth of a second's worth.
    pub burst: Option<i64>,
    /// The number of jobs that may run at once.
    pub concurrency: Option<i64>,
    /// The number of jobs that may run at once for each limit key, such as one host or one account.
    pub key_concurrency: Option<i64>,
    /// The number of jobs that may run at once for each workspace.
    pub workspace_concurrency: Option<i64>,
}

/// A limit with an impossible value: its field, and the values it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadLimit {
    /// The field.
    pub field: &'static str,
    /// What it may be.
    pub rule: &'static str,
}

impl QueueLimits {
    /// Those of a queue that was never set up.
    pub fn unlimited() -> Self {
        Self { rate_seconds: 1, ..Self::default() }
    }

    /// Everything that is wrong with them.
    pub fn check(&self) -> Vec<BadLimit> {
        let within = |value: Option<i64>, most: i64| value.is_none_or(|value| (1..=most).contains(&value));
        [
            ("rate", within(self.rate, 1_000_000), "use 1 to 1000000, or null for no limit"),
            ("rate_seconds", within(Some(self.rate_seconds), 86_400), "use 1 (a second) to 86400 (a day)"),
            ("burst", within(self.burst, 1_000_000), "use 1 to 1000000, or null for a tenth of a second's worth"),
            (
                "concurrency",
                within(self.concurrency, 1_000_000),
                "use 1 to 1000000, or null for no limit; to stop a queue, pause it",
            ),
            ("key_concurrency", within(self.key_concurrency, 1_000_000), "use 1 to 1000000, or null for no limit"),
            (
                "workspace_concurrency",
                within(self.workspace_concurrency, 1_000_000),
                "use 1 to 1000000, or null for no limit",
            ),
        ]
        .into_iter()
        .filter(|(_, holds, _)| !holds)
        .map(|(field, _, rule)| BadLimit { field, rule })
        .collect()
    }
}

/// A queue's own row, as dispatch reads it.
#[derive(Clone, Debug, FromRow)]
pub(super) struct QueueRow {
    pub(super) name: String,
    pub(super) paused: bool,
    rate: Option<i64>,
    rate_seconds: i64,
    burst: Option<i64>,
    pub(super) concurrency: Option<i64>,
    pub(super) key_concurrency: Option<i64>,
    pub(super) workspace_concurrency: Option<i64>,
    pub(super) paced_until: Option<DateTime<Utc>>,
    pub(super) blocked_until: Option<DateTime<Utc>>,
}

impl QueueRow {
    const SELECT: &str = "select name, paused, rate, rate_seconds, burst, concurrency, key_concurrency, \
         workspace_concurrency, paced_until, blocked_until from queues";

    /// Reads every queue's row.
    pub(super) async fn list(db: &Db) -> Result<Vec<Self>> {
        query(Self::SELECT).all(db).await
    }

    /// Reads a queue's row and holds it until the transaction ends.
    pub(super) async fn lock(tx: &mut Tx, queue: &str) -> Result<Option<Self>> {
        let lock = match tx.engine() {
            EngineKind::Postgres => " for update",
            // One writer: the row is ours already.
            EngineKind::Sqlite => "",
        };
        query(&format!("{} where name = $1{lock}", Self::SELECT)).bind(queue).optional(tx).await
    }

    pub(super) fn rate(&self) -> Option<Rate> {
        self.rate.map(|units| Rate::new(units.max(1), self.rate_seconds.max(1), self.burst))
    }

    /// Whether its row must be held while jobs are leased from it.
    pub(super) fn is_limited(&self) -> bool {
        self.rate.is_some() || self.counts_running()
    }

    /// Whether the end of one of its jobs can make room for another.
    pub(super) fn counts_running(&self) -> bool {
        self.concurrency.is_some() || self.key_concurrency.is_some() || self.workspace_concurrency.is_some()
    }
}

/// A limit key with limits of its own.
#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
pub struct KeyRow {
    /// The queue.
    pub queue: String,
    /// The key, such as a host or an account.
    pub limit_key: String,
    /// The number of jobs that may run at once; by default the queue's `key_concurrency`.
    pub concurrency: Option<i64>,
    /// Until when a provider asked Herald to wait.
    pub blocked_until: Option<DateTime<Utc>>,
    /// The provider's message.
    pub blocked_reason: Option<String>,
}

const KEY_COLUMNS: &str = "queue, limit_key, concurrency, blocked_until, blocked_reason";

/// The keys of a queue that have limits of their own.
#[boxed]
pub async fn queue_keys(db: &Db, queue: &str) -> Result<Vec<KeyRow>> {
    let mut keys = key_rows(db, queue).await?;
    keys.sort_by(|a, b| a.limit_key.cmp(&b.limit_key));
    Ok(keys)
}

pub(super) async fn key_rows(on: impl Into<Target<'_>>, queue: &str) -> Result<Vec<KeyRow>> {
    query(&format!("select {KEY_COLUMNS} from queue_keys where queue = $1")).bind(queue).all(on).await
}

/// Queues in which some key has limits of its own.
pub(super) async fn queues_with_keys(db: &Db) -> Result<Vec<(String,)>> {
    query("select distinct queue from queue_keys").all(db).await
}

/// The limits of a queue, without the cost of counting what waits in it. `None` if it was never set up and has no jobs.
#[boxed]
pub async fn find_limits(db: &Db, name: &str) -> Result<Option<QueueLimits>> {
    query(
        "select q.rate, coalesce(q.rate_seconds, 1) as rate_seconds, q.burst, q.concurrency, q.key_concurrency,
                q.workspace_concurrency
         from (select cast($1 as text) as name) as asked left join queues as q on q.name = asked.name
         where q.name is not null
            or exists (select 1 from jobs where state = 'ready' and queue = asked.name)
            or exists (select 1 from jobs where state = 'running' and queue = asked.name)",
    )
    .bind(name)
    .optional(db)
    .await
}

/// Makes sure that a queue has a row.
pub(super) async fn set_up(tx: &mut Tx, name: &str) -> Result<()> {
    query("insert into queues (name, paused, updated_at) values ($1, $2, $3) on conflict (name) do nothing")
        .bind(name)
        .bind(false)
        .bind(tx.db().now())
        .execute(tx)
        .await?;
    Ok(())
}

/// Stops or resumes dispatch from a queue, for the whole fleet at once. Jobs that run go on.
#[boxed]
pub async fn set_paused(tx: &mut Tx, name: &str, paused: bool) -> Result<()> {
    set_up(tx, name).await?;
    query("update queues set paused = $2, updated_at = $3 where name = $1")
        .bind(name)
        .bind(paused)
        .bind(tx.db().now())
        .execute(tx)
        .await?;
    tx.nudge_on_commit();
    Ok(())
}

/// The limits of a queue, locked until the transaction ends: nobody changes them meanwhile.
#[boxed]
pub async fn lock_limits(tx: &mut Tx, name: &str) -> Result<QueueLimits> {
    set_up(tx, name).await?;
    query(
        "update queues set rate = rate where name = $1
         returning rate, rate_seconds, burst, concurrency, key_concurrency, workspace_concurrency",
    )
    .bind(name)
    .one(tx)
    .await
}

/// Sets the limits of a queue. The caller has checked them with [`QueueLimits::check`].
#[boxed]
pub async fn set_limits(tx: &mut Tx, name: &str, limits: &QueueLimits) -> Result<()> {
    set_up(tx, name).await?;
    query(
        "update queues set rate = $2, rate_seconds = $3, burst = $4, concurrency = $5, key_concurrency = $6,
           workspace_concurrency = $7, paced_until = null, updated_at = $8
         where name = $1",
    )
    .bind(name)
    .bind(limits.rate)
    .bind(limits.rate_seconds)
    .bind(limits.burst)
    .bind(limits.concurrency)
    .bind(limits.key_concurrency)
    .bind(limits.workspace_concurrency)
    .bind(tx.db().now())
    .execute(tx)
    .await?;
    tx.nudge_on_commit();
    Ok(())
}

/// Gives the queues of outside accounts the limits that their providers bear, once. A queue that a person has set up
/// keeps its limits.
#[boxed]
pub async fn set_up_outside(db: &Db) -> Result<()> {
    let mut tx = db.begin().await?;
    let now = db.now();
    for (queue, rate, burst, concurrency, key_concurrency, workspace_concurrency) in [
        ("drive", Some(600), Some(10), None, None, None),
        ("mautic", None, None, Some(8), None, None),
        // Ten mails a second: what the usual services take from an account that is not new.
        ("email", Some(600), Some(10), None, None, None),
        // Of one host: more would be unfriendly, and one that is slow must not hold up the others. Of one workspace:
        // half of what one worker fetches, so that very many slow hosts hold up nobody else's pictures either.
        ("fetch", None, None, None, Some(8), Some(32)),
    ] {
        query(
            "insert into queues (name, paused, rate, rate_seconds, burst, concurrency, key_concurrency, \
             workspace_concurrency, updated_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (name) do nothing",
        )
        .bind(queue)
        .bind(false)
        .bind(rate)
        .bind(60)
        .bind(burst)
        .bind(concurrency)
        .bind(key_concurrency)
        .bind(workspace_concurrency)
        .bind(now)
        .execute(&mut tx)
        .await?;
    }
    tx.commit().await
}

/// Sets how many jobs of one limit key run at once; `None` is what the queue says for all keys.
#[boxed]
pub async fn set_key_concurrency(tx: &mut Tx, queue: &str, limit_key: &str, concurrency: Option<i64>) -> Result<()> {
    set_up(tx, queue).await?;
    query(
        "insert into queue_keys (queue, limit_key, concurrency, updated_at) values ($1, $2, $3, $4)
         on conflict (queue, limit_key) do update set concurrency = excluded.concurrency, \
         updated_at = excluded.updated_at",
    )
    .bind(queue)
    .bind(limit_key)
    .bind(concurrency)
    .bind(tx.db().now())
    .execute(tx)
    .await?;
    tx.nudge_on_commit();
    Ok(())
}

/// The queues that have ready jobs. Each step jumps in the index to the next queue, so its cost is the number of queues
/// and not of jobs.
pub(super) async fn with_ready_jobs(db: &Db) -> Result<Vec<String>> {
    let names: Vec<(String,)> = query(
        "with recursive names(name) as (
           select min(queue) from jobs where state = 'ready'
           union all
           select (select min(queue) from jobs where state = 'ready' and queue > names.name) from names \
           where names.name is not null
         )
         select name from names where name is not null",
    )
    .all(db)
    .await?;
    Ok(names.into_iter().map(|(name,)| name).collect())
}
