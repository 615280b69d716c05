//! Schedules as they are stored, and how they are read.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::Serialize;
use uuid::Uuid;

use super::{Expression, Timetable, zone};
use herald_db::{Db, FromRow, Json, Query, Result, query};

herald_base::text_enum! {
    /// What becomes of ticks that nobody fired in time: no scheduler ran, or the schedule was paused.
    pub enum Missed, "missed cannot be {:?}" {
        /// They are left out; the next tick to come is the next to fire.
        Skip "skip",
        /// One run makes up for all of them.
        Once "once",
        /// Each of them is run, the oldest first; at most [`super::MOST_CAUGHT_UP`].
        All "all",
    }
}

herald_base::text_enum! {
    /// Whether a tick fires while the job that the schedule made last is not finished.
    pub enum Overlap, "overlap cannot be {:?}" {
        /// It does.
        Allow "allow",
        /// It is left out.
        Skip "skip",
    }
}

/// A schedule.
#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
pub struct Schedule {
    /// The id of the schedule.
    pub id: Uuid,
    /// The workspace of the schedule.
    #[serde(skip)]
    pub workspace_id: Uuid,
    /// The name of the schedule, unique in the workspace.
    pub name: String,
    /// The cron expression: five fields, six with the second first, or a name such as `@daily`.
    pub cron: String,
    /// The time zone of the cron expression, as an IANA name.
    pub time_zone: String,
    /// The kind of the jobs.
    pub kind: String,
    /// The arguments of the jobs.
    #[schema(value_type = Object)]
    pub args: Json<serde_json::Value>,
    /// Whether the schedule is paused, by a person or by itself; in the second case `last_error` says why.
    pub paused: bool,
    /// What to do with missed ticks.
    #[schema(value_type = String, pattern = "^(skip|once|all)$")]
    #[sqlx(try_from = "String")]
    pub missed: Missed,
    /// Whether the schedule starts a job while its last job is not finished.
    #[schema(value_type = String, pattern = "^(allow|skip)$")]
    #[sqlx(try_from = "String")]
    pub overlap: Overlap,
    /// The next tick.
    pub next_run: Option<DateTime<Utc>>,
    /// When the schedule last created a job.
    pub last_run: Option<DateTime<Utc>>,
    /// The id of the last job.
    pub last_job_id: Option<Uuid>,
    /// Why the last tick created no job, or why the schedule paused itself.
    pub last_error: Option<String>,
    /// The actor in whose name the jobs run: the one who last created, changed or resumed the schedule.
    pub made_by: Option<String>,
    /// Attempts of its jobs in a row that were lost with the process that ran them.
    #[serde(skip)]
    pub lost: i64,
    /// Counted up by each firing and each change.
    #[serde(skip)]
    pub revision: i64,
    /// When the schedule was created.
    pub created_at: DateTime<Utc>,
    /// When a person last changed the schedule.
    pub updated_at: DateTime<Utc>,
}

impl Schedule {
    /// When it fires. The error says why that cannot be told.
    pub fn timetable(&self) -> std::result::Result<Timetable, String> {
        let expression = Expression::parse(&self.cron).map_err(|error| format!("cron: {error}"))?;
        let zone = zone(&self.time_zone).map_err(|error| format!("time_zone: {error}"))?;
        Ok(Timetable::new(expression, zone))
    }
}

/// A schedule's columns, in front of what says which ones.
pub(super) fn select(rest: &str) -> Query {
    query(&format!(
        "select id, workspace_id, name, cron, time_zone, kind, args, paused, missed, overlap, next_run, last_run, \
         last_job_id, last_error,
                made_by, lost, revision, created_at, updated_at
         from schedules {rest}"
    ))
}

/// A schedule of a workspace.
#[boxed]
pub async fn find_schedule(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<Schedule>> {
    select("where workspace_id = $1 and id = $2").bind(workspace_id).bind(id).optional(db).await
}

/// The schedule of that name.
#[boxed]
pub async fn find_schedule_named(db: &Db, workspace_id: Uuid, name: &str) -> Result<Option<Schedule>> {
    select("where workspace_id = $1 and name = $2").bind(workspace_id).bind(name).optional(db).await
}

/// A workspace's schedules, newest first, at most `limit`, older than `before`.
#[boxed]
pub async fn list_schedules(db: &Db, workspace_id: Uuid, before: Option<Uuid>, limit: usize) -> Result<Vec<Schedule>> {
    select("where workspace_id = $1 and ($2 is null or id < $2) order by id desc limit $3")
        .bind(workspace_id)
        .bind(before)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .all(db)
        .await
}

/// The schedules of every workspace that have a tick to fire at `now`, longest due first, at most `limit`.
#[boxed]
pub async fn due(db: &Db, now: DateTime<Utc>, limit: usize) -> Result<Vec<Schedule>> {
    select("where paused = false and next_run <= $1 order by next_run, id limit $2")
        .bind(now)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .all(db)
        .await
}

/// When the next tick of any workspace is due.
#[boxed]
pub async fn next_due(db: &Db) -> Result<Option<DateTime<Utc>>> {
    let row: Option<(DateTime<Utc>,)> =
        query("select next_run from schedules where paused = false and next_run is not null order by next_run limit 1")
            .optional(db)
            .await?;
    Ok(row.map(|(next_run,)| next_run))
}
