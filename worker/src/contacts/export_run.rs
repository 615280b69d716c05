//! `export.run`: writes the rows of a list into a file, page by page, in memory that does not grow with the list.
//!
//! Safe to run twice: the file lies at one place, and a second one replaces the first.

mod rows;
mod table;

use std::sync::Arc;

use herald_app::jobs::ExportRun;
use herald_contacts::{Export, ExportState, ExportWhat, export_ended, find_export, note_export_rows};

use self::table::Table;
use crate::{
    jobs::{Context, Task},
    runner::{Done, Failure},
};

pub(crate) async fn run(context: Arc<Context>, task: Task<ExportRun>) -> Result<Done, Failure> {
    let (db, workspace) = (&context.db, task.workspace_id);
    let Some(export) = find_export(db, workspace, task.args.export_id).await? else {
        return Err(Failure::Fail("its export does not exist any more".to_owned()));
    };
    if export.state != ExportState::Running {
        return Ok(Done::default());
    }
    let watch = Watch { context: &context, task: &task, export: &export };
    let table = match export.what {
        ExportWhat::Contacts => rows::contacts(&watch).await?,
        ExportWhat::Leads => rows::leads(&watch).await?,
    };
    let rows = table.rows();
    let (file, bytes) = table.finish().await?;
    context.files.put_from(&export.file(workspace), tokio::fs::File::from_std(file)).await?;
    let mut tx = db.begin().await?;
    export_ended(&mut tx, workspace, export.id, rows, bytes).await?;
    tx.commit().await?;
    Ok(Done::default())
}

/// An export at work.
struct Watch<'a> {
    context: &'a Context,
    task: &'a Task<ExportRun>,
    export: &'a Export,
}

impl Watch<'_> {
    /// Notes how far the table is, and stops when a person wants it.
    async fn note(&self, table: &Table) -> Result<(), Failure> {
        let goes_on = note_export_rows(&self.context.db, self.task.workspace_id, self.export.id, table.rows()).await?;
        if !goes_on || self.task.cancelled.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        Ok(())
    }
}
