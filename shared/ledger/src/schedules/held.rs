//! Schedules that hold themselves up: because their maker may no longer start their job, or because their job kills who
//! runs it.

use herald_base::boxed;
use uuid::Uuid;

use super::{Schedule, row, told};
use crate::{
    JobState, LostJob,
    audit::{self, Actor},
};
use herald_db::{Db, Result, Tx, query};

/// Attempts of a schedule's jobs that may be lost in a row with the process that ran them: with so many it is held up.
pub const MOST_LOST: i64 = 2;

/// What the error of a lost attempt begins with.
const LOST: &str = "the worker that ran attempt";

/// Holds a schedule up, and says why.
pub(super) async fn hold_up(tx: &mut Tx, schedule: &Schedule, reason: &str) -> Result<()> {
    let now = tx.db().now();
    query(
        "update schedules set paused = true, last_error = $3, revision = revision + 1, updated_at = $4
         where workspace_id = $1 and id = $2",
    )
    .bind(schedule.workspace_id)
    .bind(schedule.id)
    .bind(reason)
    .bind(now)
    .execute(tx)
    .await?;
    let itself =
        Actor { workspace_id: schedule.workspace_id, who: "schedule".to_owned(), request_id: None, origin: None };
    let detail = serde_json::json!({ "name": schedule.name, "reason": reason });
    audit::record(tx, &itself, told::act("hold_up", schedule).with(detail)).await
}

/// Names a maker for a schedule that has none yet.
#[boxed]
pub async fn adopt(db: &Db, by: &Actor, schedule: &Schedule) -> Result<()> {
    let mut tx = db.begin().await?;
    query("update schedules set made_by = $3 where workspace_id = $1 and id = $2 and made_by is null")
        .bind(schedule.workspace_id)
        .bind(schedule.id)
        .bind(by.who.as_str())
        .execute(&mut tx)
        .await?;
    tx.commit().await
}

/// Forgets earlier losses, if the last job of a schedule about to fire went well.
pub(super) async fn forget_lost(tx: &mut Tx, schedule: &Schedule) -> Result<()> {
    if schedule.lost == 0 {
        return Ok(());
    }
    query(
        "update schedules set lost = 0 where schedules.workspace_id = $1 and id = $2
           and exists (select 1 from jobs where jobs.workspace_id = $1 and jobs.id = $3 and state = $4)",
    )
    .bind(schedule.workspace_id)
    .bind(schedule.id)
    .bind(schedule.last_job_id)
    .bind(JobState::Succeeded.as_str())
    .execute(tx)
    .await
    .map(drop)
}

/// Notes that an attempt was lost with the process that ran it. If it was a schedule's, and not the first in a row, the
/// schedule is held up and the reason returned: the job is not to be tried again. An attempt that is noted twice counts
/// once.
#[boxed]
pub async fn note_lost(db: &Db, lost: &LostJob) -> Result<Option<String>> {
    let job = &lost.job;
    let key = format!("{}:{}", job.id, job.attempt);
    let by_key = lost.unique_key.as_deref().and_then(schedule_of);
    let mut tx = db.begin().await?;
    let in_a_row = job.attempt == 1 || was_lost(&mut tx, job.workspace_id, job.id, job.attempt - 1).await?;
    query(
        "update schedules set lost = case when $5 then lost + 1 else 1 end, lost_key = $4
         where workspace_id = $1 and (id = $2 or last_job_id = $3) and coalesce(lost_key, '') <> $4",
    )
    .bind(job.workspace_id)
    .bind(by_key)
    .bind(job.id)
    .bind(key.as_str())
    .bind(in_a_row)
    .execute(&mut tx)
    .await?;
    let found: Option<Schedule> =
        row::select("where workspace_id = $1 and (id = $2 or last_job_id = $3) and lost_key = $4")
            .bind(job.workspace_id)
            .bind(by_key)
            .bind(job.id)
            .bind(key.as_str())
            .optional(&mut tx)
            .await?;
    let reason = match found {
        Some(schedule) if schedule.lost >= MOST_LOST => {
            let reason = format!(
                "job {} of the schedule ended the process that ran it {} times in a row: check what the job does, \
                 then resume the schedule",
                job.id, schedule.lost
            );
            if !schedule.paused {
                hold_up(&mut tx, &schedule, &reason).await?;
            }
            Some(reason)
        }
        _ => None,
    };
    tx.commit().await?;
    Ok(reason)
}

/// The schedule whose tick a key names.
fn schedule_of(unique_key: &str) -> Option<Uuid> {
    unique_key.strip_prefix("schedule:")?.split(':').next()?.parse().ok()
}

async fn was_lost(tx: &mut Tx, workspace_id: Uuid, job_id: Uuid, attempt: i64) -> Result<bool> {
    let said: Vec<(String,)> =
        query("select message from job_errors where workspace_id = $1 and job_id = $2 and attempt = $3")
            .bind(workspace_id)
            .bind(job_id)
            .bind(attempt)
            .all(tx)
            .await?;
    Ok(said.iter().any(|(message,)| message.starts_with(LOST)))
}
