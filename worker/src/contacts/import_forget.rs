//! `import.forget`: removes what only an undoing needs, once an import cannot be undone any more. Until then it puts
//! itself off.
//!
//! Safe to run twice: a missing file is not an error.

use std::sync::Arc;

use herald_app::jobs::ImportForget;
use herald_contacts::forget_import;
use herald_leads::forget_lead_images;

use crate::{
    jobs::{Context, Task},
    runner::{Done, Failure},
};

pub(crate) async fn run(context: Arc<Context>, task: Task<ImportForget>) -> Result<Done, Failure> {
    let (db, import) = (&context.db, task.args.import_id);
    if forget_import(db, &context.files, task.workspace_id, import).await? {
        forget_lead_images(db, task.workspace_id, import).await?;
    }
    Ok(Done::default())
}
