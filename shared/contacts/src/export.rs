//! Exports: exactly the list that a person sees, as a file that is kept for a week.

use chrono::{DateTime, TimeDelta, Utc};
use herald_base::boxed;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    ContactError,
    jobs::{ExportForget, ExportRun},
};
use herald_db::{Db, FromRow, Json, Tx, query};
use herald_ledger::{
    Payload,
    audit::{self, Actor, Entry},
};
use herald_providers::files::Key;

/// How long the file of an export is kept.
pub const EXPORT_DAYS: i64 = 7;

herald_base::text_enum! {
    /// What is exported.
    pub enum ExportWhat, "there is no list of {:?}" {
        /// Contacts.
        Contacts "contacts",
        /// Leads.
        Leads "leads",
    }
}

herald_base::text_enum! {
    /// The form of an export.
    pub enum ExportFormat, "an export has no format {:?}" {
        /// CSV, which every program reads.
        Csv "csv",
        /// An Excel workbook.
        Xlsx "xlsx",
    }
}

impl ExportFormat {
    /// The media type of the file.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }
}

herald_base::text_enum! {
    /// The state of an export.
    pub enum ExportState, "an export is not {:?}" {
        /// Its rows are being written.
        Running "running",
        /// Its file can be downloaded.
        Done "done",
        /// It could not be written; the reason says why.
        Failed "failed",
        /// A person stopped it.
        Cancelled "cancelled",
        /// Its file is gone.
        Expired "expired",
    }
}

/// An export.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct Export {
    /// Its id.
    pub id: Uuid,
    /// What is exported.
    #[sqlx(try_from = "String")]
    pub what: ExportWhat,
    /// The form of its file.
    #[sqlx(try_from = "String")]
    pub format: ExportFormat,
    /// Which rows: the filter of the list.
    #[serde(skip)]
    pub filter: Json<serde_json::Value>,
    /// Its state.
    #[sqlx(try_from = "String")]
    pub state: ExportState,
    /// Why it failed.
    pub reason: Option<String>,
    /// The number of rows that are written.
    #[sqlx(rename = "row_count")]
    pub rows: i64,
    /// The size of the finished file in bytes.
    pub bytes: Option<i64>,
    /// Who ordered it.
    pub created_by: String,
    /// When it was ordered.
    pub created_at: DateTime<Utc>,
    /// When it was finished.
    pub finished_at: Option<DateTime<Utc>>,
    /// When its file goes.
    pub expires_at: DateTime<Utc>,
}

const COLUMNS: &str = "id, what, format, filter, state, reason, row_count, bytes, created_by, created_at, finished_at, \
                       expires_at";

impl Export {
    /// Where its file lies.
    pub fn file(&self, workspace_id: Uuid) -> Key {
        Key::export(workspace_id, self.id, self.format.as_str())
    }

    /// The name under which it is downloaded.
    pub fn file_name(&self) -> String {
        format!("{}_{}.{}", self.what, self.created_at.format("%Y-%m-%d_%H%M%S"), self.format)
    }
}

type Result<T> = std::result::Result<T, ContactError>;

/// Orders an export. The filter is one that its job understands.
#[boxed]
pub async fn create_export(
    db: &Db,
    actor: &Actor,
    (what, format): (ExportWhat, ExportFormat),
    filter: serde_json::Value,
) -> Result<Export> {
    let now = db.now();
    let expires_at = now + TimeDelta::days(EXPORT_DAYS);
    let id = db.new_id();
    let mut tx = db.begin().await?;
    query(
        "insert into exports (id, workspace_id, what, format, filter, state, row_count, created_by, created_at,
           expires_at)
         values ($1, $2, $3, $4, $5, 'running', 0, $6, $7, $8)",
    )
    .bind(id)
    .bind(actor.workspace_id)
    .bind(what.as_str())
    .bind(format.as_str())
    .bind(filter)
    .bind(actor.who.as_str())
    .bind(now)
    .bind(expires_at)
    .execute(&mut tx)
    .await?;
    let mut forget = ExportForget { export_id: id }.job(actor.workspace_id);
    forget.run_at = Some(expires_at);
    super::enqueue(&mut tx, vec![ExportRun { export_id: id }.job(actor.workspace_id), forget]).await?;
    let entry = Entry::of("export.create", id).with(serde_json::json!({ "what": what, "format": format }));
    audit::record(&mut tx, actor, entry).await?;
    tx.commit().await?;
    find_export(db, actor.workspace_id, id).await?.ok_or(ContactError::Changed)
}

/// Stops an export. `None`: there is none.
///
/// # Errors
/// [`ContactError::WrongState`] if it has ended.
#[boxed]
pub async fn cancel_export(db: &Db, actor: &Actor, id: Uuid) -> Result<Option<Export>> {
    let Some(old) = find_export(db, actor.workspace_id, id).await? else { return Ok(None) };
    let now = db.now();
    let mut tx = db.begin().await?;
    let stopped = query(
        "update exports set state = 'cancelled', finished_at = $3
         where workspace_id = $1 and id = $2 and state = 'running'",
    )
    .bind(actor.workspace_id)
    .bind(id)
    .bind(now)
    .execute(&mut tx)
    .await?;
    if stopped == 0 {
        let detail = format!("the export is {}: only one that is running can be cancelled", old.state);
        return Err(ContactError::WrongState(detail));
    }
    audit::record(&mut tx, actor, Entry::of("export.cancel", id)).await?;
    tx.commit().await?;
    Ok(find_export(db, actor.workspace_id, id).await?)
}

/// Notes how many rows are written. False: a person has stopped the export.
#[boxed]
pub async fn note_export_rows(db: &Db, workspace_id: Uuid, id: Uuid, rows: i64) -> herald_db::Result<bool> {
    let mut tx = db.begin().await?;
    let noted = query("update exports set row_count = $3 where workspace_id = $1 and id = $2 and state = 'running'")
        .bind(workspace_id)
        .bind(id)
        .bind(rows)
        .execute(&mut tx)
        .await?;
    tx.commit().await?;
    Ok(noted > 0)
}

/// Notes that the file is there.
#[boxed]
pub async fn export_ended(tx: &mut Tx, workspace_id: Uuid, id: Uuid, rows: i64, bytes: i64) -> herald_db::Result<()> {
    let now = tx.db().now();
    query(
        "update exports set state = 'done', row_count = $3, bytes = $4, finished_at = $5
         where workspace_id = $1 and id = $2 and state = 'running'",
    )
    .bind(workspace_id)
    .bind(id)
    .bind(rows)
    .bind(bytes)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// Notes that the file is gone.
#[boxed]
pub async fn export_expired(db: &Db, workspace_id: Uuid, id: Uuid) -> herald_db::Result<()> {
    let mut tx = db.begin().await?;
    query("update exports set state = 'expired' where workspace_id = $1 and id = $2 and state in ('running', 'done')")
        .bind(workspace_id)
        .bind(id)
        .execute(&mut tx)
        .await?;
    tx.commit().await
}

/// An export of a workspace.
#[boxed]
pub async fn find_export(db: &Db, workspace_id: Uuid, id: Uuid) -> herald_db::Result<Option<Export>> {
    let sql = format!("select {COLUMNS} from exports where workspace_id = $1 and id = $2");
    query(&sql).bind(workspace_id).bind(id).optional(db).await
}

/// The exports of a workspace, the newest first, at most `limit`, from before the export `before`.
#[boxed]
pub async fn list_exports(
    db: &Db,
    workspace_id: Uuid,
    before: Option<Uuid>,
    limit: usize,
) -> herald_db::Result<Vec<Export>> {
    let sql = format!(
        "select {COLUMNS} from exports where workspace_id = $1 and ($2 is null or id < $2) order by id desc limit $3"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    query(&sql).bind(workspace_id).bind(before).bind(limit).all(db).await
}
