//! Firing: what is due becomes jobs, once, however many schedulers try.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use uuid::Uuid;

use super::{
    Plan, Schedule, ScheduleError, check,
    edit::{not_enqueued, set_last_job, unfinished},
    held,
};
use crate as ledger;
use crate::{NewJob, Way};
use herald_db::{Db, Result, Tx, query};

/// The result of firing a schedule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fired {
    /// This scheduler moved the schedule on. If not, another one did, or a person changed it meanwhile.
    pub moved: bool,
    /// The jobs made, each with its tick, oldest first.
    pub jobs: Vec<(DateTime<Utc>, Uuid)>,
    /// Ticks that got no job of their own because nobody fired them in time.
    pub missed: u64,
    /// Ticks left out because the job before was not finished.
    pub overlapped: u64,
    /// Why no job could be made; people see it at the schedule.
    pub broken: Option<String>,
}

/// Fires what of a schedule, as [`super::due()`] gave it, is due at `now`: in one transaction `next_run` moves on,
/// where nobody else has moved it since, and the jobs are put in the ledger.
#[boxed]
pub async fn fire(db: &Db, schedule: &Schedule, now: DateTime<Utc>) -> std::result::Result<Fired, ScheduleError> {
    let Some(tick) = schedule.next_run.filter(|tick| *tick <= now && !schedule.paused) else {
        return Ok(Fired::default());
    };
    let plan = match schedule.timetable() {
        Ok(timetable) => Plan::make(&timetable, tick, now, schedule.missed, schedule.overlap),
        // No tick is known any more: it stands still until a person changes it.
        Err(reason) => return stop(db, schedule, None, reason).await,
    };
    let mut tx = db.begin().await?;
    if !move_on(&mut tx, schedule, plan.next).await? {
        return Ok(Fired::default());
    }
    // In the name of its maker, with the rights that the maker has now.
    let made_by = schedule.made_by.as_deref();
    let args = (schedule.kind.as_str(), &schedule.args.0);
    let job = match check::job(&mut tx, schedule.workspace_id, made_by, Way::Schedule, args).await {
        Ok(job) => job,
        Err(ScheduleError::Refused(reason)) => {
            held::hold_up(&mut tx, schedule, &reason).await?;
            tx.commit().await?;
            return Ok(Fired { moved: true, broken: Some(reason), ..Fired::default() });
        }
        Err(ScheduleError::Db(error)) => return Err(error.into()),
        Err(flaws) => {
            let reason = flaws.to_string();
            leave(&mut tx, schedule, &reason).await?;
            tx.commit().await?;
            return Ok(Fired { moved: true, broken: Some(reason), ..Fired::default() });
        }
    };
    let mut fired = Fired { moved: true, missed: plan.missed, ..Fired::default() };
    // Asked again behind the lock: a person may just have run it.
    let last = last_job(&mut tx, schedule).await?;
    held::forget_lost(&mut tx, &last).await?;
    if unfinished(&mut tx, &last).await?.is_some() {
        fired.overlapped = plan.run.len() as u64;
    } else if !plan.run.is_empty() {
        let jobs = plan.run.iter().map(|tick| job_of(schedule, &job, *tick)).collect();
        let ids = ledger::enqueue(&mut tx, jobs).await.map_err(not_enqueued)?;
        set_last_job(&mut tx, schedule, &ids).await?;
        fired.jobs = plan.run.into_iter().zip(ids).collect();
    }
    tx.commit().await?;
    Ok(fired)
}

/// A kind that must not run beside itself keeps its own key; any other job gets one of its tick, so that a tick has one
/// job even if all else fails.
fn job_of(schedule: &Schedule, job: &NewJob, tick: DateTime<Utc>) -> NewJob {
    let mut job = job.clone();
    job.unique_key.get_or_insert_with(|| format!("schedule:{}:{}", schedule.id, tick.timestamp()));
    job
}

async fn move_on(tx: &mut Tx, schedule: &Schedule, next: Option<DateTime<Utc>>) -> Result<bool> {
    let touched = query(
        "update schedules set next_run = $5, revision = revision + 1
         where workspace_id = $1 and id = $2 and next_run = $3 and revision = $4",
    )
    .bind(schedule.workspace_id)
    .bind(schedule.id)
    .bind(schedule.next_run)
    .bind(schedule.revision)
    .bind(next)
    .execute(tx)
    .await?;
    Ok(touched == 1)
}

async fn last_job(tx: &mut Tx, schedule: &Schedule) -> Result<Schedule> {
    super::row::select("where workspace_id = $1 and id = $2")
        .bind(schedule.workspace_id)
        .bind(schedule.id)
        .one(tx)
        .await
}

/// Moves a schedule on whose job cannot be made, and leaves the reason for people to see.
async fn stop(
    db: &Db,
    schedule: &Schedule,
    next: Option<DateTime<Utc>>,
    reason: String,
) -> std::result::Result<Fired, ScheduleError> {
    let mut tx = db.begin().await?;
    if !move_on(&mut tx, schedule, next).await? {
        return Ok(Fired::default());
    }
    leave(&mut tx, schedule, &reason).await?;
    tx.commit().await?;
    Ok(Fired { moved: true, broken: Some(reason), ..Fired::default() })
}

/// Leaves the reason for people to see.
async fn leave(tx: &mut Tx, schedule: &Schedule, reason: &str) -> Result<()> {
    query("update schedules set last_error = $3 where workspace_id = $1 and id = $2")
        .bind(schedule.workspace_id)
        .bind(schedule.id)
        .bind(reason)
        .execute(tx)
        .await
        .map(drop)
}
