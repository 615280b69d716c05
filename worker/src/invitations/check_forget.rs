//! `check.forget`: removes a check that has expired, with its files.
//!
//! Safe to run twice: the row goes last, and a missing file is not an error.

use std::sync::Arc;

use herald_app::jobs::CheckForget;
use herald_invitations as domain;

use crate::jobs::{Context, Task};
use crate::runner::{Done, Failure};

pub(crate) async fn run(context: Arc<Context>, task: Task<CheckForget>) -> Result<Done, Failure> {
    domain::forget_check(&context.db, &context.files, task.workspace_id, task.args.check_id).await?;
    Ok(Done::default())
}
