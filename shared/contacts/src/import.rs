//! Imports: lists of people that become contacts, and of their leads. A list is checked in full before anything is
//! written, and a whole import can be undone for 30 days.
//!
//! An import is `checking` → `checked` → `importing` → `done`, and then perhaps `undoing` → `undone`. A check that
//! cannot be made, or an import that cannot go on, is `failed`; whoever stops one makes it `cancelled`.

mod chunk;
mod effect;
mod forget;
mod late;
mod read;
mod report;
mod row;
mod steps;
mod typed;
mod undo;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::ContactError;
use herald_db::{Db, FromRow, Json, query};
use herald_providers::files::Key;

pub use self::{
    chunk::{
        DecidedPeople, ImportChunk, ImportTally, RowPerson, WouldDo, decide_people, take_import_chunk, would_do,
        write_people,
    },
    forget::{ForgetError, forget_import},
    late::LateRefusals,
    read::{ImportPiece, MoreColumns, ReadImport, RefusedRow, RowCheck, RowRefusal, read_import},
    report::{ImportColumn, ImportFlaw, ImportReport},
    row::{CONTACT_ID, ImportRow, import_row},
    steps::{
        cancel_import, change_import, create_import, import_ended, note_import_checked, start_import, undo_import,
    },
    undo::{AroundContacts, UndoneChunk, next_import_chunk, undo_import_chunk},
};
pub(super) use self::{effect::end_of, row::all_words_of_contacts};

/// How long an import can be undone, and its files are kept.
pub const UNDO_DAYS: i64 = 30;
const LONGEST_NAME: usize = 200;
/// Columns whose meaning a person corrects.
const MOST_COLUMNS: usize = 256;

herald_base::text_enum! {
    /// What the rows of an import are.
    pub enum ImportWhat, "an import has no rows of {:?}" {
        /// People.
        Contacts "contacts",
        /// Leads, each with its person.
        Leads "leads",
    }
}

herald_base::text_enum! {
    /// What an import does with people whom the workspace knows.
    pub enum ImportMode, "an import has no mode {:?}" {
        /// Adds people, and fills what known ones lack.
        Fill "fill",
        /// Adds people, and replaces the values of known ones. Empty cells replace nothing.
        Overwrite "overwrite",
        /// Replaces the values of known people, and adds nobody.
        Update "update",
    }
}

herald_base::text_enum! {
    /// The state of an import.
    pub enum ImportState, "an import is not {:?}" {
        /// Its list is read, and nothing is written.
        Checking "checking",
        /// It waits for a person to start it.
        Checked "checked",
        /// Its rows become contacts.
        Importing "importing",
        /// All rows are taken in.
        Done "done",
        /// It cannot go on; the reason says why.
        Failed "failed",
        /// A person stopped it.
        Cancelled "cancelled",
        /// Its contacts get their old values.
        Undoing "undoing",
        /// They have them.
        Undone "undone",
    }
}

/// A list to be imported.
#[derive(Clone, Debug)]
pub struct NewImport {
    /// Its id, which its files carry.
    pub id: Uuid,
    /// What its rows are.
    pub what: ImportWhat,
    /// The name of the file.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The SHA-256 of its content in hex.
    pub sha256: String,
    /// What it does.
    pub options: ImportOptions,
    /// Whether it starts without being asked once it is checked.
    pub starts_itself: bool,
}

/// What an import does, and how its list is read. Missing values stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// What becomes of known people.
    pub mode: Option<ImportMode>,
    /// The sheet of a workbook, by its name; empty for the first that is not hidden.
    pub sheet: Option<String>,
    /// By header: the field that its cells become; empty for none.
    pub columns: Option<BTreeMap<String, String>>,
    /// Tags for everybody on the list.
    pub tags: Option<Vec<String>>,
}

/// An import.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct Import {
    /// Its id.
    pub id: Uuid,
    /// What its rows are. Of a list of leads, the counts below are of its leads.
    #[sqlx(try_from = "String")]
    pub what: ImportWhat,
    /// The name of its file.
    pub name: String,
    /// The size of the file in bytes.
    pub bytes: i64,
    /// The SHA-256 of the file in hex.
    pub sha256: String,
    /// What it does with people whom the workspace knows.
    #[sqlx(try_from = "String")]
    pub mode: ImportMode,
    /// The sheet of the workbook that is read, if a person chose one.
    pub sheet: Option<String>,
    /// What a person said of the columns: by header, the field that its cells become.
    #[schema(value_type = BTreeMap<String, String>)]
    pub columns: Json<BTreeMap<String, String>>,
    /// Tags that everybody on the list gets.
    #[schema(value_type = Vec<String>)]
    pub tags: Json<Vec<String>>,
    /// Its state.
    #[sqlx(try_from = "String")]
    pub state: ImportState,
    /// Why it failed, and what to do.
    pub reason: Option<String>,
    /// What its check found. Lists leave it out.
    #[schema(value_type = Option<ImportReport>)]
    pub report: Option<Json<ImportReport>>,
    /// Whether it starts without being asked once it is checked.
    pub starts_itself: bool,
    /// The number of its rows that were read. Of them come the counts below.
    pub cursor_row: i64,
    /// The contacts or leads that were made.
    pub created: i64,
    /// The contacts that were changed; the leads of which something changed, or of whose person.
    pub updated: i64,
    /// The contacts or leads that had everything already.
    pub unchanged: i64,
    /// The people or leads that the workspace does not know, if the import adds nobody.
    pub skipped: i64,
    /// The rows that were left out.
    pub refused: i64,
    /// The contacts and leads that an undoing left as they are, because somebody worked with them since.
    pub kept: i64,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its last row was taken in, or it was stopped.
    pub finished_at: Option<DateTime<Utc>>,
    /// Until when it can be undone.
    pub undo_until: Option<DateTime<Utc>>,
}

const COLUMNS: &str = "id, what, name, bytes, sha256, mode, sheet, columns, tags, state, reason, report, \
                       starts_itself, cursor_row, created, updated, unchanged, skipped, refused, kept, created_by, \
                       created_at, finished_at, undo_until";

impl Import {
    /// Where its file lies.
    pub fn file(&self, workspace_id: Uuid) -> Key {
        Key::import(workspace_id, self.id, "file")
    }

    /// Where the sheet of its workbook lies as CSV.
    pub fn sheet_file(&self, workspace_id: Uuid) -> Key {
        Key::import(workspace_id, self.id, "sheet.csv")
    }

    /// Where the rows lie that are left out.
    pub fn refused_file(&self, workspace_id: Uuid) -> Key {
        Key::import(workspace_id, self.id, "refused.csv")
    }

    /// Where its rows lie: in the file itself, or in the CSV of its sheet.
    pub fn list(&self, workspace_id: Uuid) -> Key {
        match self.report.as_ref().is_some_and(|report| report.0.is_workbook) {
            true => self.sheet_file(workspace_id),
            false => self.file(workspace_id),
        }
    }
}

type Result<T> = std::result::Result<T, ContactError>;

/// An import of a workspace.
#[boxed]
pub async fn find_import(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<Import>> {
    let sql = format!("select {COLUMNS} from imports where workspace_id = $1 and id = $2");
    Ok(query(&sql).bind(workspace_id).bind(id).optional(db).await?)
}

/// The imports of a workspace without their reports, the newest first: at most `limit`, from before `before`, and of
/// one sort if it is given.
#[boxed]
pub async fn list_imports(
    db: &Db,
    workspace_id: Uuid,
    what: Option<ImportWhat>,
    before: Option<Uuid>,
    limit: usize,
) -> Result<Vec<Import>> {
    let columns = COLUMNS.replace(" report,", " null as report,");
    let sql = format!(
        "select {columns} from imports where workspace_id = $1 and ($2 is null or id < $2)
           and ($4 is null or what = $4) order by id desc limit $3"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(query(&sql).bind(workspace_id).bind(before).bind(limit).bind(what.map(ImportWhat::as_str)).all(db).await?)
}
