//! `invitation.summary`: a run's `results.csv`, when its batch has ended.
//!
//! Safe to run twice: it writes what is true now over what was true before.

use std::sync::Arc;

use bytes::Bytes;
use herald_shared::{domain, jobs::InvitationSummary, results};

use super::{Context, Task};
use crate::runner::{Done, Failure};

pub(super) async fn run(context: Arc<Context>, task: Task<InvitationSummary>) -> Result<Done, Failure> {
    let Some(run) = domain::run(&context.db, task.workspace_id, task.args.run_id).await? else {
        return Ok(Done::default());
    };
    let table = results::write(&context.db, &context.files, task.workspace_id, &run, Vec::new()).await?;
    context.files.put(&results::key(run.id), Bytes::from(table)).await?;
    Ok(Done::default())
}
