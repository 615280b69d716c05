//! `jobs.act`: retries, cancels or deletes the jobs that a filter finds, a thousand in one transaction.
//!
//! Safe to run twice: each transaction also writes the progress to the job's row, and only while this attempt holds the
//! job. Another attempt continues from there.

use std::sync::Arc;

use herald_app::jobs::JobsAct;
use herald_ledger as ledger;
use herald_ledger::Acting;

use crate::jobs::{Context, Task};
use crate::runner::{Done, Failure};

pub(crate) async fn run(context: Arc<Context>, task: Task<JobsAct>) -> Result<Done, Failure> {
    let db = &context.db;
    let JobsAct { act, filter, by, asked_at } = task.args;
    if by.workspace_id != task.workspace_id {
        return Err(Failure::Fail("who asked for it belongs to another workspace than the job".to_owned()));
    }
    let kept = ledger::kept_progress(db, task.workspace_id, task.key.id)
        .await?
        .and_then(|kept| serde_json::from_value(kept).ok());
    let mut acting: Acting = match kept {
        Some(acting) => acting,
        None => Acting::begin(db, task.workspace_id, act, &filter, asked_at).await?,
    };
    while !acting.finished {
        if task.cancelled.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        let mut tx = db.begin().await?;
        let acted = ledger::act_on_next(&mut tx, &by, act, &filter, &acting).await?;
        let progress = serde_json::to_value(&acted.acting)?;
        if !ledger::keep_progress(&mut tx, task.workspace_id, task.key, progress).await? {
            return Err(Failure::Cancelled);
        }
        // A running job learns of its cancellation at the next renewal of its lease.
        tx.commit().await?;
        acting = acted.acting;
    }
    let result = serde_json::json!({
        "seen": acting.seen, "changed": acting.changed, "asked_to_stop": acting.asked, "skipped": acting.skipped(),
    });
    Ok(Done { result: Some(result), ..Done::default() })
}
