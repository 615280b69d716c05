//! Files from before every file lay under its workspace are moved there, once.
//!
//! It used to be that an invitation's file was named by its event and number alone, so that two workspaces could write
//! over each other's. What was overwritten is found here: its bytes are not the ones that were drawn for the guest. The
//! guest's drawing takes its place; if that is gone, it is drawn anew.
//!
//! It can be killed at any point and begun again, and two processes may do it at once: a file is copied, then the row
//! that names it is changed if it is still as it was read, and only when no row names an old file are the old ones
//! removed. Where processes of the earlier version may run on for a while and lay down more of them, that is a day
//! later, after another look.

mod invitation;
mod rows;

use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt;
use herald_base::boxed;
use thiserror::Error;
use uuid::Uuid;

use herald_db::{Db, DbError, query};
use herald_ledger::LedgerError;
use herald_providers::files::{Files, FilesError, Key, OLD_FOLDERS};

/// How long processes of an earlier version may run on beside those of this one.
const OVERLAP: TimeDelta = TimeDelta::days(1);
/// How often all rows are gone through: others may change a row that is being moved.
const PASSES: usize = 5;

/// Why the files were not moved. Finished moves need not be done again.
#[derive(Debug, Error)]
pub enum MoveError {
    /// The database did not answer.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The file store did not do it.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// An invitation could not be drawn anew.
    #[error(transparent)]
    Enqueue(#[from] LedgerError),
    /// The store has nothing at all of what the database speaks of.
    #[error(
        "the file store {0} is empty, although the database names files in it: check that it is the right folder or \
         bucket, and that its disk is mounted. Nothing was moved, and links show no invitations until \
         the files are back"
    )]
    Empty(String),
    /// Another process still writes files in the old places.
    #[error(
        "a process of an earlier version is still writing files: stop every process of that version, \
         then start this one again"
    )]
    Busy,
}

/// What moving the files came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Rows whose files lie under their workspace now.
    pub rows: usize,
    /// Invitations whose link showed something else, and shows the guest's own again.
    pub restored: usize,
    /// Invitations that are being drawn anew.
    pub redrawn: usize,
}

/// Whether there are files to be moved: one look at a table of at most one row.
#[boxed]
pub async fn has_old_files(db: &Db) -> Result<bool, DbError> {
    let found: Option<(bool,)> = query("select one from old_files where one = $1").bind(true).optional(db).await?;
    Ok(found.is_some())
}

/// Moves the files that still lie in their old places. `alone` says that no other process, of whatever version, uses
/// the store: then the old files are deleted at once.
#[boxed]
pub async fn move_files(db: &Db, files: &Files, alone: bool) -> Result<Moved, MoveError> {
    let mut moved = Moved::default();
    if !has_old_files(db).await? {
        return Ok(moved);
    }
    // A disk that is not mounted must not look like invitations that are lost.
    if invitation::any(db).await? && files.is_empty().await? {
        return Err(MoveError::Empty(files.place("")));
    }
    let mut passes = 0;
    loop {
        let before = moved.rows;
        rows::templates(db, files, &mut moved).await?;
        rows::runs(db, files, &mut moved).await?;
        rows::contacts(db, files, &mut moved).await?;
        let left = invitation::all(db, files, &mut moved).await?;
        if left == 0 && moved.rows == before {
            break;
        }
        passes += 1;
        if passes == PASSES {
            return Err(MoveError::Busy);
        }
    }
    if !alone && !overlap_is_over(db).await? {
        return Ok(moved);
    }
    for folder in OLD_FOLDERS {
        let mut listed = files.list_old(folder);
        while let Some(key) = listed.try_next().await? {
            files.delete_old(&key).await?;
        }
    }
    let mut tx = db.begin().await?;
    query("delete from old_files where one = $1").bind(true).execute(&mut tx).await?;
    tx.commit().await?;
    Ok(moved)
}

/// Whether everything was moved a day ago already. The first time it notes that it is.
async fn overlap_is_over(db: &Db) -> Result<bool, DbError> {
    let now = db.now();
    let mut tx = db.begin().await?;
    query("update old_files set moved_at = $2 where one = $1 and moved_at is null")
        .bind(true)
        .bind(now)
        .execute(&mut tx)
        .await?;
    let found: Option<(DateTime<Utc>,)> =
        query("select moved_at from old_files where one = $1").bind(true).optional(&mut tx).await?;
    tx.commit().await?;
    Ok(found.is_none_or(|(moved_at,)| now - moved_at >= OVERLAP))
}

/// Copies an old file to its new place. A missing file is not an error: the row names the new place all the same, and
/// the file can be put there later.
async fn copy(files: &Files, old: &str, to: &Key) -> Result<(), FilesError> {
    let Some(from) = Files::old(old) else { return Ok(()) };
    if files.size(to).await?.is_some() {
        return Ok(());
    }
    match files.copy(&from, to).await {
        Ok(()) | Err(FilesError::Missing(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The place of an old file that is named by a hash: the last part of its key, as it was.
fn of_hash(workspace_id: Uuid, old: &str) -> Option<Key> {
    let (folder, rest) = old.split_once('/')?;
    let name = rest.rsplit('/').next()?;
    match folder {
        "imports" => Some(Key::list(workspace_id, name.strip_suffix(".csv").unwrap_or(name))),
        "pictures" => Some(Key::picture(workspace_id, name)),
        "templates" => Some(Key::template(workspace_id, name)),
        "portraits" => Some(Key::portrait(workspace_id, name)),
        "renderings" => {
            let (hash, extension) = name.rsplit_once('.')?;
            Some(Key::rendering(workspace_id, hash, extension))
        }
        _ => None,
    }
}
