//! Checks of runs: what a run would do, kept for a day with the files that were sent, so that the run can be started
//! without sending them again.
//!
//! The files of a check lie apart from those of runs. So what expires can be removed without asking whether a run needs
//! it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use herald_base::boxed;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use super::{
    NumberFormat, RunOptions, RunSource,
    guest_list::{Column, Flaw},
};
use crate::jobs::CheckForget;
use herald_db::{Db, DbError, FromRow, Json, Result, query};
use herald_ledger::{self as ledger, LedgerError, Payload};
use herald_providers::files::{Area, Files, FilesError, Key, Stored};

/// How long a check is kept.
pub const CHECK_DAYS: i64 = 1;
/// The checks of a workspace that are kept at most; the oldest give way.
const KEPT: usize = 20;

/// What the run would be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CheckPlan {
    /// The event, by its name.
    pub event: String,
    /// The format of its numbers, if it is new.
    pub numbers: NumberFormat,
    /// The template.
    pub template_id: Uuid,
    /// The options of the run.
    pub options: RunOptions,
}

/// What the run would do.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CheckReport {
    /// The name of the list.
    pub list: Option<String>,
    /// The number of guests; `null` if the source does not tell before it is read.
    pub guests: Option<u64>,
    /// The number of rows that are left out.
    pub rejected: u64,
    /// The number of remarks about guests.
    pub remarked: u64,
    /// The first 200 rows that are left out.
    pub problems: Vec<Flaw>,
    /// The first 200 remarks about guests.
    pub remarks: Vec<Flaw>,
    /// Remarks about the list as a whole, and what could not be checked.
    pub notes: Vec<String>,
    /// The columns of the list, in their order.
    pub columns: Vec<Column>,
    /// The first guests, drawn with the template.
    pub samples: Vec<CheckedGuest>,
}

/// A guest of a check, drawn with the template.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CheckedGuest {
    /// The name of the guest.
    pub name: String,
    /// Where the drawing is in the file store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    pub file: Option<String>,
    /// Whether there is a drawing.
    #[serde(default)]
    pub is_drawn: bool,
    /// Why there is no drawing.
    pub fault: Option<String>,
    /// Remarks about the drawing.
    pub notes: Vec<String>,
}

/// A check to be kept.
#[derive(Clone, Debug)]
pub struct NewCheck {
    /// Its id, which its files carry.
    pub id: Uuid,
    /// What the run would be.
    pub plan: CheckPlan,
    /// Where its guests come from.
    pub source: RunSource,
    /// What it would do.
    pub report: CheckReport,
    /// The bytes of its files.
    pub bytes: u64,
}

/// A check.
#[derive(Clone, Debug, FromRow)]
pub struct RunCheck {
    /// Its id.
    pub id: Uuid,
    /// What the run would be.
    pub plan: Json<CheckPlan>,
    /// Where its guests come from.
    pub source: Json<RunSource>,
    /// What it would do.
    pub report: Json<CheckReport>,
    /// The run that was started from it.
    pub run_id: Option<Uuid>,
    /// When it is removed.
    pub expires_at: DateTime<Utc>,
}

/// Why a check was not removed or started.
#[derive(Debug, Error)]
pub enum CheckError {
    /// The database did not answer.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The file store did not answer.
    #[error(transparent)]
    Files(#[from] FilesError),
}

/// Keeps a check, and the job that removes it.
#[boxed]
pub async fn keep_check(db: &Db, workspace_id: Uuid, new: &NewCheck) -> std::result::Result<(), LedgerError> {
    let now = db.now();
    let expires_at = now + TimeDelta::days(CHECK_DAYS);
    let mut tx = db.begin().await?;
    query(
        "insert into run_checks (id, workspace_id, plan, source, report, bytes, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(new.id)
    .bind(workspace_id)
    .bind(serde_json::to_value(&new.plan).expect("a plan is plain data"))
    .bind(serde_json::to_value(&new.source).expect("a source is plain data"))
    .bind(serde_json::to_value(&new.report).expect("a report is plain data"))
    .bind(i64::try_from(new.bytes).unwrap_or(i64::MAX))
    .bind(now)
    .bind(expires_at)
    .execute(&mut tx)
    .await?;
    let mut forget = CheckForget { check_id: new.id }.job(workspace_id);
    forget.run_at = Some(expires_at);
    ledger::enqueue(&mut tx, vec![forget]).await?;
    tx.commit().await?;
    Ok(())
}

/// The checks that give way to newer ones: all but the newest twenty, and all but those whose files fit `most` bytes.
#[boxed]
pub async fn crowded_checks(db: &Db, workspace_id: Uuid, most: u64) -> Result<Vec<Uuid>> {
    let kept: Vec<(Uuid, i64)> =
        query("select id, bytes from run_checks where workspace_id = $1 order by created_at desc, id desc")
            .bind(workspace_id)
            .all(db)
            .await?;
    let mut bytes = 0_u64;
    let crowded = kept.into_iter().enumerate().filter(|(at, (_, own))| {
        bytes = bytes.saturating_add(own.unsigned_abs());
        // The newest stays, however large.
        *at > 0 && (*at >= KEPT || bytes > most)
    });
    Ok(crowded.map(|(_, (id, _))| id).collect())
}

/// A check of a workspace that has not expired.
#[boxed]
pub async fn find_check(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<RunCheck>> {
    query(
        "select id, plan, source, report, run_id, expires_at from run_checks
         where workspace_id = $1 and id = $2 and expires_at > $3",
    )
    .bind(workspace_id)
    .bind(id)
    .bind(db.now())
    .optional(db)
    .await
}

/// Notes the run that was started from a check.
#[boxed]
pub async fn note_checked_run(db: &Db, workspace_id: Uuid, id: Uuid, run_id: Uuid) -> Result<()> {
    let mut tx = db.begin().await?;
    query("update run_checks set run_id = $3 where workspace_id = $1 and id = $2")
        .bind(workspace_id)
        .bind(id)
        .bind(run_id)
        .execute(&mut tx)
        .await?;
    tx.commit().await
}

/// Removes a check with its files, whether it has expired or not.
///
/// # Errors
/// [`CheckError`]: the row is still there, so that it can be done again.
#[boxed]
pub async fn forget_check(db: &Db, files: &Files, workspace_id: Uuid, id: Uuid) -> std::result::Result<(), CheckError> {
    let found: Option<(Json<RunSource>, Json<CheckReport>)> =
        query("select source, report from run_checks where workspace_id = $1 and id = $2")
            .bind(workspace_id)
            .bind(id)
            .optional(db)
            .await?;
    let Some((source, report)) = found else { return Ok(()) };
    let drawn = report.0.samples.iter().filter_map(|sample| sample.file.as_deref());
    for key in files_of(&source.0).chain(drawn).filter_map(|key| Key::known(workspace_id, key)) {
        // Only what was written for checks and samples: a run's files are never among them, and stay if they were.
        if matches!(key.area(), Some(Area::Checks | Area::Previews)) {
            files.delete(&key).await?;
        }
    }
    let mut tx = db.begin().await?;
    query("delete from run_checks where workspace_id = $1 and id = $2")
        .bind(workspace_id)
        .bind(id)
        .execute(&mut tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

fn files_of(source: &RunSource) -> impl Iterator<Item = &str> {
    let (key, pictures) = match source {
        RunSource::Csv { key, pictures, .. } => (Some(key.as_str()), Some(pictures)),
        RunSource::Contacts { .. } | RunSource::Mautic(_) | RunSource::Segment { .. } => (None, None),
    };
    key.into_iter().chain(pictures.into_iter().flat_map(BTreeMap::values).map(String::as_str))
}

/// The SHA-256 and the size of each file of a check, for the quota of what is stored.
async fn sizes(files: &Files, workspace_id: Uuid, source: &RunSource) -> std::result::Result<Sizes, FilesError> {
    let mut sizes = Vec::new();
    for key in files_of(source) {
        let stored = Stored::of(workspace_id, key)?;
        let size = files.size(&stored).await?.ok_or_else(|| FilesError::Missing(key.to_owned()))?;
        sizes.push((name(key).to_owned(), size));
    }
    Ok(sizes)
}

/// SHA-256 in hex, and bytes.
type Sizes = Vec<(String, u64)>;

/// A file of a check is named by its content.
fn name(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or_default()
}

/// Copies the files of a check to where a run's lie, after `room` has granted their sizes. Returns the run's source.
///
/// # Errors
/// As `room` and the file store say; [`FilesError::Missing`], if the check has expired meanwhile.
pub async fn take_over_files<E: From<FilesError>>(
    files: &Files,
    workspace_id: Uuid,
    source: RunSource,
    room: impl AsyncFnOnce(Sizes) -> std::result::Result<(), E>,
) -> std::result::Result<RunSource, E> {
    room(sizes(files, workspace_id, &source).await?).await?;
    let RunSource::Csv { key, name: of_list, sha256, picture_folder, pictures, is_sheet } = source else {
        return Ok(source);
    };
    let list = Key::list(workspace_id, &sha256);
    take_over(files, workspace_id, &key, &list).await?;
    let mut taken = BTreeMap::new();
    for (picture, key) in pictures {
        let to = Key::picture(workspace_id, name(&key));
        take_over(files, workspace_id, &key, &to).await?;
        taken.insert(picture, to.into());
    }
    Ok(RunSource::Csv { key: list.into(), name: of_list, sha256, picture_folder, pictures: taken, is_sheet })
}

async fn take_over(files: &Files, workspace_id: Uuid, from: &str, to: &Key) -> std::result::Result<(), FilesError> {
    if files.size(to).await?.is_none() {
        files.copy(&Stored::of(workspace_id, from)?, to).await?;
    }
    Ok(())
}
