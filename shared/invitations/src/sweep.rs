//! Removes files that no invitation refers to: those that a killed process wrote and did not note, and those that a new
//! drawing replaced.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
};

use futures::StreamExt;
use herald_base::boxed;
use thiserror::Error;

use crate as domain;
use crate::InvitationState;
use herald_db::{Db, DbError};
use herald_providers::files::{Area, Files, FilesError};

/// Invitations read at once.
const PAGE: usize = 5_000;
/// Where every file belongs to an invitation.
const AREAS: &[Area] = &[Area::Portraits, Area::Renderings, Area::Invitations];

/// Why sweeping stopped. The files removed until then belonged to no invitation.
#[derive(Debug, Error)]
pub enum SweepError {
    /// The database did not answer.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The file store did not do it.
    #[error(transparent)]
    Files(#[from] FilesError),
}

/// Removes files without an owner and returns how many. Only while nobody works: a file may be written before the row
/// that owns it.
///
/// In a folder the lock of the data folder sees to that. Nobody can say it of a bucket, where another machine may be
/// about to refer to any file, old or new: nothing is removed there.
#[boxed]
pub async fn sweep(db: &Db, files: &Files) -> Result<usize, SweepError> {
    if !files.is_local() {
        return Ok(0);
    }
    // Eight bytes a file: a million invitations need some tens of megabytes. A false match keeps a file that could go,
    // no more.
    let hasher = RandomState::new();
    let mut owned = HashSet::new();
    let mut after = None;
    loop {
        let page = domain::referenced_files(db, after, PAGE).await?;
        let Some((last, ..)) = page.last() else { break };
        after = Some(*last);
        for (_, portrait, rendering, file) in page {
            owned.extend([portrait, rendering, file].into_iter().flatten().map(|key| hasher.hash_one(key.as_str())));
        }
    }
    let mut removed = 0;
    let mut listed = files.list_all();
    while let Some(key) = listed.next().await {
        let key = key?;
        let has_owner = match key.area() {
            Some(area) if AREAS.contains(&area) => owned.contains(&hasher.hash_one(key.as_str())),
            Some(Area::Fetched) => is_awaited(db, key.as_str()).await?,
            _ => true,
        };
        if !has_owner {
            files.delete(&key).await?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Whether a fetched picture's invitation is not made yet: it would have to be fetched again.
async fn is_awaited(db: &Db, key: &str) -> Result<bool, SweepError> {
    let name = key.rsplit('/').next().unwrap_or_default();
    let Some(id) = name.get(..36).and_then(|id| id.parse().ok()) else { return Ok(false) };
    let invitation = domain::invitation_file(db, id).await?;
    Ok(invitation
        .is_some_and(|invitation| matches!(invitation.state, InvitationState::Pending | InvitationState::Failed)))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use uuid::Uuid;

    use herald_base::{clock::Clock, ids::Ids};
    use herald_db::DbConfig;
    use herald_providers::files::Key;

    #[tokio::test]
    async fn a_file_without_an_invitation_goes_and_lists_and_templates_stay() {
        let folder = tempfile::tempdir().unwrap();
        let config = DbConfig::Sqlite { path: folder.path().join("herald.db") };
        let db = Db::connect(&config, Clock::system(), Ids::seeded(1)).await.unwrap();
        db.migrate().await.unwrap();
        let files = Files::local(folder.path().join("files")).unwrap();
        let somebody = Uuid::from_u128(1);
        let drawn = Key::rendering(somebody, "aa", "jpg");
        let made = Key::invitation(somebody, "gala", "0001", somebody, "jpg");
        let (list, template) = (Key::list(somebody, "list"), Key::template(somebody, "abc"));
        let fetched = Key::fetched(somebody, somebody, "aa");
        for key in [&drawn, &made, &list, &template, &fetched] {
            files.put(key, Bytes::from_static(b"x")).await.unwrap();
        }
        assert_eq!(sweep(&db, &files).await.unwrap(), 3);
        assert_eq!(files.size(&fetched).await.unwrap(), None);
        assert_eq!(files.size(&drawn).await.unwrap(), None);
        assert_eq!(files.size(&list).await.unwrap(), Some(1));
        assert_eq!(files.size(&template).await.unwrap(), Some(1));
    }
}
