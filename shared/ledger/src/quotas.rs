//! How much one workspace may have, so that none fills the installation: keys, schedules, connections, templates,
//! uploads.
//!
//! The transaction that adds also counts, behind a lock on the workspace. Of many additions at once, as many succeed as
//! there is room for. The command line and the installation itself are not subject to quotas.

use herald_base::boxed;
use serde::Deserialize;
use thiserror::Error;
use uuid::Uuid;

use herald_db::{Bulk, Db, DbError, Tx, query};

/// How much one workspace may have. 0: as much as it likes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct Quotas {
    pub keys: u32,
    pub schedules: u32,
    pub connections: u32,
    pub templates: u32,
    pub stored_mb: u32,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Keys that open something.
    Keys,
    /// Schedules, also those that are held up.
    Schedules,
    /// Accounts outside.
    Connections,
    /// Versions of templates.
    Templates,
}

/// Why something was not added.
#[derive(Debug, Error)]
pub enum QuotaError {
    /// The workspace has no room left.
    #[error(
        "this workspace has reached its quota of {limit} {what}: {way_out}, or ask an administrator to raise \
         quotas.{setting}"
    )]
    Exceeded {
        /// The kind of thing of which the workspace has too many.
        what: &'static str,
        /// How much there may be.
        limit: u64,
        /// What the workspace can do.
        way_out: &'static str,
        /// The setting.
        setting: &'static str,
    },
    /// The database refused.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Counted {
    fn sql(self) -> &'static str {
        match self {
            Self::Keys => {
                "select count(*) from api_tokens
                 where workspace_id = $1 and revoked_at is null and (expires_at is null or expires_at > $2)"
            }
            Self::Schedules => "select count(*) from schedules where workspace_id = $1 and created_at <= $2",
            Self::Connections => "select count(*) from connections where workspace_id = $1 and created_at <= $2",
            Self::Templates => "select count(*) from templates where workspace_id = $1 and created_at <= $2",
        }
    }

    fn exceeded(self, limit: u32) -> QuotaError {
        let (what, way_out, setting) = match self {
            Self::Keys => ("keys", "revoke a key that is not used", "keys"),
            Self::Schedules => ("schedules", "delete one", "schedules"),
            Self::Connections => ("connections", "delete one", "connections"),
            Self::Templates => ("versions of templates", "use a version that exists", "templates"),
        };
        QuotaError::Exceeded { what, limit: limit.into(), way_out, setting }
    }
}

impl Quotas {
    fn of(&self, counted: Counted) -> u32 {
        match counted {
            Counted::Keys => self.keys,
            Counted::Schedules => self.schedules,
            Counted::Connections => self.connections,
            Counted::Templates => self.templates,
        }
    }

    /// Counts what the workspace has once the transaction is committed, which has added to it.
    ///
    /// # Errors
    /// [`QuotaError::Exceeded`]: the transaction is to be dropped.
    #[boxed]
    pub async fn hold(&self, tx: &mut Tx, workspace_id: Uuid, counted: Counted) -> Result<(), QuotaError> {
        let limit = self.of(counted);
        if limit == 0 {
            return Ok(());
        }
        lock_workspace(tx, workspace_id).await?;
        let now = tx.db().now();
        let (there,): (i64,) = query(counted.sql()).bind(workspace_id).bind(now).one(tx).await?;
        if there > i64::from(limit) { Err(counted.exceeded(limit)) } else { Ok(()) }
    }

    /// Takes room for files with these SHA-256 and sizes, before they are stored. A file that the workspace has stored
    /// before takes none.
    ///
    /// # Errors
    /// [`QuotaError::Exceeded`]: nothing was taken.
    #[boxed]
    pub async fn take_room(&self, db: &Db, workspace_id: Uuid, files: &[(String, u64)]) -> Result<(), QuotaError> {
        let mut tx = db.begin().await?;
        lock_workspace(&mut tx, workspace_id).await?;
        let now = db.now();
        Bulk::new(
            "insert into stored_uploads (workspace_id, sha256, bytes, stored_at)
             select workspace_id, sha256, bytes, at from {rows} where true
             on conflict (workspace_id, sha256) do nothing",
        )
        .column("workspace_id", files.iter().map(|_| workspace_id).collect())
        .column("sha256", files.iter().map(|(sha256, _)| sha256.clone()).collect())
        .column("bytes", files.iter().map(|(_, bytes)| i64::try_from(*bytes).unwrap_or(i64::MAX)).collect())
        .column("at", files.iter().map(|_| now).collect())
        .execute(&mut tx)
        .await?;
        let (stored,): (i64,) =
            query("select cast(coalesce(sum(bytes), 0) as BIGINT) from stored_uploads where workspace_id = $1")
                .bind(workspace_id)
                .one(&mut tx)
                .await?;
        if self.stored_mb > 0 && stored > i64::from(self.stored_mb) << 20 {
            let (what, way_out) = ("MB of uploads, or would exceed it with this upload", "use earlier uploads");
            return Err(QuotaError::Exceeded { what, limit: self.stored_mb.into(), way_out, setting: "stored_mb" });
        }
        tx.commit().await?;
        Ok(())
    }
}

/// Another transaction that calls this for the workspace waits here until this one ends, and then finds what it did.
#[boxed]
pub async fn lock_workspace(tx: &mut Tx, workspace_id: Uuid) -> Result<(), DbError> {
    query("update workspaces set name = name where id = $1").bind(workspace_id).execute(tx).await.map(drop)
}
