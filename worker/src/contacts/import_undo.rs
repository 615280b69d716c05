//! `import.undo`: takes an import back, chunk by chunk from the last to the first.
//!
//! Safe to run twice: the transaction that undoes a chunk also removes it.

use std::sync::Arc;

use herald_app::jobs::ImportUndo;
use herald_contacts::{AroundContacts, ImportState, find_import, import_ended, next_import_chunk, undo_import_chunk};
use herald_invitations::invited_contacts;
use herald_leads::undo_lead_chunk;

use crate::{
    jobs::{Context, Task},
    runner::{Done, Failure},
};

pub(crate) async fn run(context: Arc<Context>, task: Task<ImportUndo>) -> Result<Done, Failure> {
    let (db, workspace, id) = (&context.db, task.workspace_id, task.args.import_id);
    let import = find_import(db, workspace, id).await?;
    let Some(import) = import.filter(|import| import.state == ImportState::Undoing) else {
        return Ok(Done::default());
    };
    while let Some(chunk) = next_import_chunk(db, workspace, id).await? {
        if task.cancelled.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        let mut tx = db.begin().await?;
        let leads = undo_lead_chunk(&mut tx, workspace, &import, &chunk).await?;
        let named = invited_contacts(&mut tx, workspace, chunk.made()).await?;
        let around = AroundContacts { named, kept: leads.kept, of_kept: leads.contacts };
        if undo_import_chunk(&mut tx, workspace, id, &chunk, &around).await? {
            tx.commit().await?;
        }
    }
    let mut tx = db.begin().await?;
    import_ended(&mut tx, workspace, id).await?;
    tx.commit().await?;
    Ok(Done::default())
}
