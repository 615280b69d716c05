//! Removes files no invitation refers to: what a killed process wrote but did not note, and what drawing again replaced.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
};

use futures::StreamExt;
use thiserror::Error;

use crate::{
    db::{Db, DbError},
    domain,
    files::{Files, FilesError},
};

/// Invitations read at once.
const PAGE: usize = 5_000;
/// Where every file belongs to an invitation.
const PREFIXES: [&str; 3] = ["portraits", "renderings", "invitations"];

/// Why sweeping stopped. What was removed until then had no owner.
#[derive(Debug, Error)]
pub enum SweepError {
    /// The database did not answer.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The file store did not do it.
    #[error(transparent)]
    Files(#[from] FilesError),
}

/// Removes files without an owner and returns how many. Only while nobody works: a file may be written before the row that owns it.
///
/// In a folder the lock of the data folder sees to that. Nobody can say it of a bucket, where another machine may be about to refer to any file,
/// old or new: nothing is removed there.
pub async fn sweep(db: &Db, files: &Files) -> Result<usize, SweepError> {
    if !files.is_local() {
        return Ok(0);
    }
    // Eight bytes a file: a million invitations need some tens of megabytes. A false match keeps a file that could go, no more.
    let hasher = RandomState::new();
    let mut owned = HashSet::new();
    let mut after = None;
    loop {
        let page = domain::referenced_files(db, after, PAGE).await?;
        let Some((last, ..)) = page.last() else { break };
        after = Some(*last);
        for (_, portrait, rendering, file) in page {
            owned.extend([portrait, rendering, file].into_iter().flatten().map(|key| hasher.hash_one(key)));
        }
    }
    let mut removed = 0;
    for prefix in PREFIXES {
        let mut listed = files.list(prefix);
        while let Some(key) = listed.next().await {
            let key = key?;
            if !owned.contains(&hasher.hash_one(&key)) {
                files.delete(&key).await?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{clock::Clock, db::DbConfig, ids::Ids};

    #[tokio::test]
    async fn a_file_without_an_invitation_goes_and_lists_and_templates_stay() {
        let folder = tempfile::tempdir().unwrap();
        let config = DbConfig::Sqlite { path: folder.path().join("herald.db") };
        let db = Db::connect(&config, Clock::system(), Ids::seeded(1)).await.unwrap();
        db.migrate().await.unwrap();
        let files = Files::local(folder.path().join("files")).unwrap();
        for key in ["renderings/aa/old.jpg", "invitations/gala/0001.jpg", "imports/list.csv", "templates/abc"] {
            files.put(key, Bytes::from_static(b"x")).await.unwrap();
        }
        assert_eq!(sweep(&db, &files).await.unwrap(), 2);
        assert_eq!(files.size("renderings/aa/old.jpg").await.unwrap(), None);
        assert_eq!(files.size("imports/list.csv").await.unwrap(), Some(1));
        assert_eq!(files.size("templates/abc").await.unwrap(), Some(1));
    }
}
