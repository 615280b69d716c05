//! `export.forget`: removes the file of an export that has expired.
//!
//! Safe to run twice: a missing file is not an error.

use std::sync::Arc;

use herald_app::jobs::ExportForget;
use herald_contacts::{export_expired, find_export};

use crate::{
    jobs::{Context, Task},
    runner::{Done, Failure},
};

pub(crate) async fn run(context: Arc<Context>, task: Task<ExportForget>) -> Result<Done, Failure> {
    let Some(export) = find_export(&context.db, task.workspace_id, task.args.export_id).await? else {
        return Ok(Done::default());
    };
    export_expired(&context.db, task.workspace_id, export.id).await?;
    context.files.delete(&export.file(task.workspace_id)).await?;
    Ok(Done::default())
}
