//! The acts of people on schedules: make, change, pause, resume, run now, remove. The transaction of the act tells the
//! audit log who did it.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use thiserror::Error;
use uuid::Uuid;

use super::{
    Missed, Overlap, Schedule,
    check::{self, Flaw, Flaws},
    row, told,
};
use crate as ledger;
use crate::{
    LedgerError, Way,
    audit::{self, Actor},
    quotas::{Counted, QuotaError, Quotas},
};
use herald_db::{Db, DbError, Result, Tx, query};

/// A schedule to be made.
#[derive(Clone, Debug)]
pub struct NewSchedule {
    /// The workspace it works for.
    pub workspace_id: Uuid,
    /// What people call it; one of a kind in its workspace.
    pub name: String,
    /// When: see [`super::Expression::parse`].
    pub cron: String,
    /// By whose clocks: an IANA name.
    pub time_zone: String,
    /// What its jobs do: the name of a kind of job.
    pub kind: String,
    /// Their arguments; must be arguments of the kind.
    pub args: serde_json::Value,
    /// What becomes of missed ticks.
    pub missed: Missed,
    /// Whether a tick fires while the last job is not finished.
    pub overlap: Overlap,
    /// Whether it begins held up.
    pub paused: bool,
}

/// The fields to change. `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// A new name.
    pub name: Option<String>,
    /// Another expression. The schedule begins anew: ticks that were due by the old one are forgotten.
    pub cron: Option<String>,
    /// Another time zone; begins anew, too.
    pub time_zone: Option<String>,
    /// Another kind of job.
    pub kind: Option<String>,
    /// Other arguments.
    pub args: Option<serde_json::Value>,
    /// Another policy for missed ticks.
    pub missed: Option<Missed>,
    /// Another policy for overlaps.
    pub overlap: Option<Overlap>,
}

/// Why a schedule was not made or changed.
#[derive(Debug, Error)]
pub enum ScheduleError {
    /// Something is wrong with it.
    #[error("{0}")]
    Flaws(Flaws),
    /// The person who makes, changes, resumes or runs it may not start such a job.
    #[error("{0}")]
    Refused(String),
    /// The workspace does not have the thing that an argument names.
    #[error("{0}")]
    Missing(Flaw),
    /// The workspace has as many as it may have.
    #[error(transparent)]
    Quota(#[from] QuotaError),
    /// The schedule is not in the state that the caller has seen.
    #[error("the schedule changed in the meantime: read it again and repeat the change")]
    Unseen,
    /// The database refused.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The result of running a schedule's job at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunNow {
    /// This job will.
    Job(Uuid),
    /// The schedule lets no two of its jobs run side by side, and this one is not finished.
    Unfinished(Uuid),
    /// There is no such schedule.
    Unknown,
}

/// Makes a schedule; it fires for the first time at the first tick from now.
#[boxed]
pub async fn create(db: &Db, by: &Actor, new: NewSchedule) -> std::result::Result<Schedule, ScheduleError> {
    create_within(db, &Quotas::default(), by, new).await
}

/// As [`create`], if the workspace has room for one more.
#[boxed]
pub async fn create_within(
    db: &Db,
    quotas: &Quotas,
    by: &Actor,
    new: NewSchedule,
) -> std::result::Result<Schedule, ScheduleError> {
    let mut tx = db.begin().await?;
    let (timetable, job) = check::check(&mut tx, &by.who, &new).await?;
    let next_run = timetable.next(db.now());
    let id = db.new_id();
    query(
        "insert into schedules (id, workspace_id, name, cron, time_zone, kind, args, paused, missed, overlap, \
         next_run, revision,
                                created_at, updated_at, made_by)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, $12, $12, $13)",
    )
    .bind(id)
    .bind(new.workspace_id)
    .bind(new.name.clone())
    .bind(new.cron)
    .bind(new.time_zone)
    .bind(new.kind)
    .bind(job.args)
    .bind(new.paused)
    .bind(new.missed.as_str())
    .bind(new.overlap.as_str())
    .bind(next_run)
    .bind(db.now())
    .bind(by.who.as_str())
    .execute(&mut tx)
    .await
    .map_err(|error| refused(error, &new.name))?;
    quotas.hold(&mut tx, new.workspace_id, Counted::Schedules).await?;
    let made: Schedule =
        row::select("where workspace_id = $1 and id = $2").bind(by.workspace_id).bind(id).one(&mut tx).await?;
    audit::record(&mut tx, by, told::made(&made)).await?;
    tx.commit().await?;
    db.nudge_schedules();
    Ok(made)
}

/// Changes a schedule of the actor's workspace; `None` if there is no such schedule.
#[boxed]
pub async fn change(
    db: &Db,
    by: &Actor,
    id: Uuid,
    change: Change,
) -> std::result::Result<Option<Schedule>, ScheduleError> {
    change_if(db, by, id, change, |_| true).await
}

/// As [`change`], if the schedule is what `seen` says when it is changed.
pub async fn change_if(
    db: &Db,
    by: &Actor,
    id: Uuid,
    change: Change,
    seen: impl Fn(&Schedule) -> bool,
) -> std::result::Result<Option<Schedule>, ScheduleError> {
    loop {
        let mut tx = db.begin().await?;
        let Some(old) = find(&mut tx, by.workspace_id, id).await? else { return Ok(None) };
        if !seen(&old) {
            return Err(ScheduleError::Unseen);
        }
        let new = changed(&old, &change);
        let (timetable, job) = check::check(&mut tx, &by.who, &new).await?;
        let anew = new.cron != old.cron || new.time_zone != old.time_zone;
        let next_run = if anew { timetable.next(db.now()) } else { old.next_run };
        let changed = update(&mut tx, &by.who, &old, &new, job.args, next_run)
            .await
            .map_err(|error| refused(error, &new.name))?;
        if changed {
            let new = find(&mut tx, by.workspace_id, id).await?;
            if let Some(new) = &new {
                audit::record(&mut tx, by, told::changed(&old, new)).await?;
            }
            tx.commit().await?;
            db.nudge_schedules();
            return Ok(new);
        }
        // The schedule was fired or changed since it was read: once more, with its present state.
    }
}

fn changed(old: &Schedule, change: &Change) -> NewSchedule {
    let text = |new: &Option<String>, old: &str| new.clone().unwrap_or_else(|| old.to_owned());
    NewSchedule {
        workspace_id: old.workspace_id,
        name: text(&change.name, &old.name),
        cron: text(&change.cron, &old.cron),
        time_zone: text(&change.time_zone, &old.time_zone),
        kind: text(&change.kind, &old.kind),
        args: change.args.clone().unwrap_or_else(|| old.args.0.clone()),
        missed: change.missed.unwrap_or(old.missed),
        overlap: change.overlap.unwrap_or(old.overlap),
        paused: old.paused,
    }
}

async fn update(
    tx: &mut Tx,
    who: &str,
    old: &Schedule,
    new: &NewSchedule,
    args: serde_json::Value,
    next_run: Option<DateTime<Utc>>,
) -> Result<bool> {
    let now = tx.db().now();
    let touched = query(
        "update schedules set name = $4, cron = $5, time_zone = $6, kind = $7, args = $8, missed = $9, overlap = $10, \
         next_run = $11,
                              last_error = null, revision = revision + 1, updated_at = $12, made_by = $13, lost = 0
         where workspace_id = $1 and id = $2 and revision = $3",
    )
    .bind(old.workspace_id)
    .bind(old.id)
    .bind(old.revision)
    .bind(new.name.clone())
    .bind(new.cron.clone())
    .bind(new.time_zone.clone())
    .bind(new.kind.clone())
    .bind(args)
    .bind(new.missed.as_str())
    .bind(new.overlap.as_str())
    .bind(next_run)
    .bind(now)
    .bind(who)
    .execute(tx)
    .await?;
    Ok(touched == 1)
}

/// Holds a schedule up, until [`resume`]. Its jobs that exist already go on. `None` if there is no such schedule.
#[boxed]
pub async fn pause(db: &Db, by: &Actor, id: Uuid) -> Result<Option<Schedule>> {
    let mut tx = db.begin().await?;
    let touched = query(
        "update schedules set paused = true, revision = revision + 1, updated_at = $3
         where workspace_id = $1 and id = $2 and paused = false",
    )
    .bind(by.workspace_id)
    .bind(id)
    .bind(db.now())
    .execute(&mut tx)
    .await?;
    paused(tx, by, id, "pause", touched).await
}

/// Lets a schedule go on, in the name of the person who resumes it. Its policy for missed ticks decides about those
/// that it missed meanwhile. `None` if there is no such schedule.
#[boxed]
pub async fn resume(db: &Db, by: &Actor, id: Uuid) -> std::result::Result<Option<Schedule>, ScheduleError> {
    let mut tx = db.begin().await?;
    let Some(held) = find(&mut tx, by.workspace_id, id).await? else { return Ok(None) };
    let args = (held.kind.as_str(), &held.args.0);
    match check::job(&mut tx, by.workspace_id, Some(&by.who), Way::Schedule, args).await {
        Err(error @ (ScheduleError::Refused(_) | ScheduleError::Db(_))) if held.paused => return Err(error),
        // Any other fault stands at the schedule when it fires.
        _ => {}
    }
    let touched = query(
        "update schedules set paused = false, revision = revision + 1, updated_at = $3, made_by = $4, lost = 0, \
         last_error = null
         where workspace_id = $1 and id = $2 and paused = true",
    )
    .bind(by.workspace_id)
    .bind(id)
    .bind(db.now())
    .bind(by.who.as_str())
    .execute(&mut tx)
    .await?;
    Ok(paused(tx, by, id, "resume", touched).await?)
}

async fn paused(mut tx: Tx, by: &Actor, id: Uuid, verb: &str, touched: u64) -> Result<Option<Schedule>> {
    let schedule = find(&mut tx, by.workspace_id, id).await?;
    if let Some(schedule) = &schedule {
        audit::record(&mut tx, by, told::act(verb, schedule).affecting(touched)).await?;
    }
    let db = tx.db().clone();
    tx.commit().await?;
    db.nudge_schedules();
    Ok(schedule)
}

/// Removes a schedule. The jobs that it made stay. False if there is no such schedule.
#[boxed]
pub async fn remove(db: &Db, by: &Actor, id: Uuid) -> Result<bool> {
    let mut tx = db.begin().await?;
    let Some(schedule) = find(&mut tx, by.workspace_id, id).await? else { return Ok(false) };
    let removed = query("delete from schedules where workspace_id = $1 and id = $2")
        .bind(by.workspace_id)
        .bind(id)
        .execute(&mut tx)
        .await?;
    if removed == 0 {
        return Ok(false);
    }
    audit::record(&mut tx, by, told::act("delete", &schedule)).await?;
    tx.commit().await?;
    db.nudge_schedules();
    Ok(true)
}

/// Makes a schedule's job at once, also of one that is paused. Its next tick stays where it is.
#[boxed]
pub async fn run_now(db: &Db, by: &Actor, id: Uuid) -> std::result::Result<RunNow, ScheduleError> {
    let mut tx = db.begin().await?;
    // First of all the row is locked, as firing does, so that the two never wait for each other.
    let touched = query("update schedules set last_run = $3 where workspace_id = $1 and id = $2")
        .bind(by.workspace_id)
        .bind(id)
        .bind(db.now())
        .execute(&mut tx)
        .await?;
    let Some(schedule) = find(&mut tx, by.workspace_id, id).await?.filter(|_| touched == 1) else {
        return Ok(RunNow::Unknown);
    };
    if let Some(job) = unfinished(&mut tx, &schedule).await? {
        return Ok(RunNow::Unfinished(job));
    }
    let args = (schedule.kind.as_str(), &schedule.args.0);
    let job = check::job(&mut tx, by.workspace_id, Some(&by.who), Way::Hand, args).await?;
    let ids = ledger::enqueue(&mut tx, vec![job]).await.map_err(not_enqueued)?;
    set_last_job(&mut tx, &schedule, &ids).await?;
    let detail = serde_json::json!({ "name": schedule.name, "job": ids.first() });
    audit::record(&mut tx, by, told::act("run", &schedule).with(detail)).await?;
    tx.commit().await?;
    Ok(ids.first().map_or(RunNow::Unknown, |job| RunNow::Job(*job)))
}

/// The schedule's last job, if it is not finished and no other may run beside it.
pub(super) async fn unfinished(tx: &mut Tx, schedule: &Schedule) -> Result<Option<Uuid>> {
    if schedule.overlap != Overlap::Skip {
        return Ok(None);
    }
    let row: Option<(Uuid,)> =
        query("select id from jobs where workspace_id = $1 and id = $2 and state in ('ready', 'running')")
            .bind(schedule.workspace_id)
            .bind(schedule.last_job_id)
            .optional(tx)
            .await?;
    Ok(row.map(|(id,)| id))
}

/// Remembers the last of the jobs just made.
pub(super) async fn set_last_job(tx: &mut Tx, schedule: &Schedule, jobs: &[Uuid]) -> Result<()> {
    let Some(last) = jobs.last() else { return Ok(()) };
    let now = tx.db().now();
    query(
        "update schedules set last_run = $3, last_job_id = $4, last_error = null where workspace_id = $1 and id = $2",
    )
    .bind(schedule.workspace_id)
    .bind(schedule.id)
    .bind(now)
    .bind(*last)
    .execute(tx)
    .await?;
    Ok(())
}

async fn find(tx: &mut Tx, workspace_id: Uuid, id: Uuid) -> Result<Option<Schedule>> {
    row::select("where workspace_id = $1 and id = $2").bind(workspace_id).bind(id).optional(tx).await
}

fn refused(error: DbError, name: &str) -> ScheduleError {
    if error.is_unique_violation() {
        let detail =
            format!("a schedule with the name {name:?} already exists: choose another name, or change that schedule");
        return ScheduleError::Flaws(Flaws(vec![Flaw::new("name", detail)]));
    }
    error.into()
}

pub(super) fn not_enqueued(error: LedgerError) -> ScheduleError {
    match error {
        LedgerError::Db(error) => error.into(),
        other => ScheduleError::Flaws(Flaws(vec![Flaw::new("args", other)])),
    }
}
