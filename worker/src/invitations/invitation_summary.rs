//! `invitation.summary`: writes a run's `results.csv` when its batch has ended.
//!
//! Safe to run twice: the current results replace the earlier ones.

use std::{
    io::{BufWriter, IntoInnerError, Seek},
    sync::Arc,
};

use herald_app::jobs::InvitationSummary;
use herald_invitations as domain;
use herald_invitations::results;

use crate::jobs::{Context, Task};
use crate::runner::{Done, Failure};

pub(crate) async fn run(context: Arc<Context>, task: Task<InvitationSummary>) -> Result<Done, Failure> {
    let Some(run) = domain::find_run(&context.db, task.workspace_id, task.args.run_id).await? else {
        return Ok(Done::default());
    };
    // The table goes to a file, because a table of a million guests should not be held in memory.
    let draft = BufWriter::new(tempfile::tempfile()?);
    let draft = results::write(&context.db, &context.files, task.workspace_id, &run, draft).await?;
    let mut table = draft.into_inner().map_err(IntoInnerError::into_error)?;
    table.rewind()?;
    context.files.put_from(&results::key(task.workspace_id, run.id), tokio::fs::File::from_std(table)).await?;
    Ok(Done::default())
}
