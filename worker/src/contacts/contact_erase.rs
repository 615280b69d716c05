//! `contact.erase`: removes the files of a person who was erased, but for those that somebody else has, too. And the
//! samples of all templates, of which nobody knows whom they show: they are drawn again when somebody looks.
//!
//! Safe to run twice: a missing file is not an error.

use std::{collections::HashSet, sync::Arc};

use futures::TryStreamExt;
use herald_app::jobs::ContactErase;
use herald_contacts::{contact_files, erasure_done, find_erasure};
use herald_invitations::invitation_files;
use herald_leads::report_files;
use herald_providers::files::{Area, Key, folder};
use uuid::Uuid;

use crate::{
    jobs::{Context, Task},
    runner::{Done, Failure},
};

pub(crate) async fn run(context: Arc<Context>, task: Task<ContactErase>) -> Result<Done, Failure> {
    let (db, workspace) = (&context.db, task.workspace_id);
    let Some(erasure) = find_erasure(db, workspace, task.args.erasure_id).await? else {
        return Ok(Done::default());
    };
    let files = erasure.files.0;
    let mut shared: HashSet<String> = contact_files(db, workspace, files.clone()).await?.into_iter().collect();
    shared.extend(invitation_files(db, workspace, files.clone()).await?);
    shared.extend(report_files(db, workspace, files.clone()).await?);
    for file in files.iter().filter(|file| !shared.contains(*file)) {
        if let Some(key) = Key::known(workspace, file) {
            context.files.delete(&key).await?;
        }
    }
    forget_samples(&context, workspace).await?;
    erasure_done(db, workspace, erasure.id).await?;
    Ok(Done::default())
}

/// Removes the samples of all templates of a workspace.
pub(crate) async fn forget_samples(context: &Context, workspace: Uuid) -> Result<(), Failure> {
    let mut previews = context.files.list(&folder(workspace, Area::Previews));
    while let Some(file) = previews.try_next().await? {
        if let Some(key) = Key::known(workspace, &file) {
            context.files.delete(&key).await?;
        }
    }
    Ok(())
}
