//! Retries, cancels and deletes one job, or all jobs that a filter finds, a thousand per transaction. The audit log
//! contains every act.

use std::time::Duration;

use anyhow::bail;
use herald_db::Db;
use herald_ledger as ledger;
use herald_ledger::{
    Act, Acting, Cancelled, JobFilter, LedgerError,
    audit::{self, Actor, Entry},
};
use indicatif::{ProgressBar, ProgressStyle};
use uuid::Uuid;

use super::{found, read, say};
use crate::{args::Many, audit::me};

/// The number of attempts if the database temporarily refuses a thousand jobs, and the wait between them.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(250);

pub(super) async fn retry_one(db: &Db, workspace: Uuid, id: Uuid) -> anyhow::Result<()> {
    let job = found(db, workspace, id).await?;
    let mut tx = db.begin().await?;
    if !ledger::retry_job_in(&mut tx, workspace, id, ledger::tries_of(&job.kind)).await? {
        bail!(
            "job {id} is {}: only a dead or cancelled job can be retried, and only if no live job does the same work",
            job.state
        );
    }
    audit::record(&mut tx, &me(workspace), Entry::of("job.retry", id).affecting(1)).await?;
    tx.commit().await?;
    say("the job will run again");
    Ok(())
}

pub(super) async fn cancel_one(db: &Db, workspace: Uuid, id: Uuid) -> anyhow::Result<()> {
    let mut tx = db.begin().await?;
    let cancelled = ledger::cancel_job_in(&mut tx, workspace, id).await?;
    match cancelled {
        Cancelled::AtOnce | Cancelled::Asked => {}
        Cancelled::AlreadyEnded(state) => {
            bail!("job {id} is already {state}: only a job that has not ended can be cancelled")
        }
        Cancelled::Unknown => bail!("there is no job {id}"),
    }
    audit::record(&mut tx, &me(workspace), Entry::of("job.cancel", id).affecting(1)).await?;
    tx.commit().await?;
    say(if cancelled == Cancelled::AtOnce { "cancelled" } else { "the job is running and was asked to stop" });
    Ok(())
}

pub(super) async fn delete_one(db: &Db, workspace: Uuid, id: Uuid) -> anyhow::Result<()> {
    let job = found(db, workspace, id).await?;
    let mut tx = db.begin().await?;
    if !ledger::delete_job_in(&mut tx, workspace, id).await? {
        bail!("job {id} is {}: only a job that has ended can be deleted; cancel it first", job.state);
    }
    audit::record(&mut tx, &me(workspace), Entry::of("job.delete", id).affecting(1)).await?;
    tx.commit().await?;
    say("deleted");
    Ok(())
}

pub(super) async fn many(db: &Db, workspace: Uuid, act: Act, asked: Many) -> anyhow::Result<()> {
    let filter = read(asked.filter)?;
    act.check(&filter, asked.all).map_err(|why| anyhow::anyhow!("{why} (--all)"))?;
    let actor: Actor = me(workspace);
    if asked.dry_run {
        let found = ledger::matching(db, workspace, act, &filter).await?;
        let mut tx = db.begin().await?;
        let entry = Entry::of(&format!("jobs.{act}"), &filter).affecting(found.count).dry_run();
        audit::record(&mut tx, &actor, entry).await?;
        tx.commit().await?;
        say(&format!("{act} would act on {} jobs: {filter}", found.count));
        return Ok(());
    }
    let mut acting = Acting::begin(db, workspace, act, &filter, db.now()).await?;
    let bar = ProgressBar::new(u64::try_from(acting.of).unwrap_or(0)).with_style(
        ProgressStyle::with_template("{bar:40} {pos}/{len} jobs, {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let mut tries = TRIES;
    while !acting.finished {
        match next(db, &actor, act, &filter, &acting).await {
            Ok(further) => (acting, tries) = (further, TRIES),
            // Two transactions collided, or the database was unavailable. None of these thousand jobs was changed.
            Err(LedgerError::Db(error)) if error.is_transient() && tries > 0 => {
                tries -= 1;
                db.clock().sleep(PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
        bar.set_position(u64::try_from(acting.seen).unwrap_or(0));
    }
    bar.finish_and_clear();
    let done = match act {
        Act::Retry => format!("{} jobs will run again", acting.changed),
        Act::Cancel => format!("{} jobs cancelled, {} running jobs asked to stop", acting.changed, acting.asked),
        Act::Delete => format!("{} jobs deleted", acting.changed),
    };
    let skipped = acting.skipped();
    say(&if skipped > 0 {
        format!("{done}; {skipped} jobs left unchanged: their state had changed, or a live job does the same work")
    } else {
        done
    });
    Ok(())
}

/// Acts on the next thousand jobs.
async fn next(db: &Db, actor: &Actor, act: Act, filter: &JobFilter, acting: &Acting) -> Result<Acting, LedgerError> {
    let mut tx = db.begin().await?;
    let acted = ledger::act_on_next(&mut tx, actor, act, filter, acting).await?;
    tx.commit().await?;
    Ok(acted.acting)
}
