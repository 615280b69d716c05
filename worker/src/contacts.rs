//! Jobs about contacts.

pub mod contact_erase;
pub mod export_forget;
pub mod export_run;
pub mod import_check;
pub mod import_forget;
pub mod import_run;
pub mod import_undo;
mod refused;

use herald_contacts::{Import, ImportPiece, ImportWhat, MoreColumns, ReadImport, list_contact_fields, read_import};
use herald_leads::lead_columns;
use herald_providers::files::FilesError;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::jobs::Context;
use crate::runner::Failure;
use herald_sheets::{CsvError, Options, workbook::SHEET_BYTES};

/// How the list of an import is read.
fn options(context: &Context, import: &Import, is_workbook: bool) -> Options {
    let options = Options {
        columns: import.columns.0.clone(),
        is_strict: true,
        is_repeating: import.what == ImportWhat::Leads,
        ..context.import.clone()
    };
    if is_workbook { options.of_sheet() } else { options }
}

/// The columns of a list that are not about its people.
fn more_columns(import: &Import) -> Option<MoreColumns> {
    (import.what == ImportWhat::Leads).then(lead_columns)
}

/// Opens a stored list as a file of this machine, so that memory does not grow with its size.
async fn open(context: &Context, key: &herald_providers::files::Key) -> Result<std::fs::File, Failure> {
    context.files.open_here(key, context.import.limits.bytes.max(SHEET_BYTES)).await.map_err(|error| match error {
        FilesError::Missing(_) | FilesError::TooLarge { .. } => {
            Failure::Fail(format!("the list cannot be read: {error}; upload it again"))
        }
        error => error.into(),
    })
}

/// Reads the list of an import that was checked, from row `skip` on. `with_cells`: with the cells of rows that may be
/// left out. Fields have the types by which it was checked, whatever they have become since.
async fn rows(
    context: &Context,
    workspace_id: Uuid,
    import: &Import,
    (skip, with_cells): (u64, bool),
) -> Result<mpsc::Receiver<Result<ImportPiece, CsvError>>, Failure> {
    let report = import.report.as_ref().map(|report| &report.0);
    let is_workbook = report.is_some_and(|report| report.is_workbook);
    let list = open(context, &import.list(workspace_id)).await?;
    let fields = match report.and_then(|report| report.fields.clone()) {
        Some(fields) => fields,
        // It was checked by an older version.
        None => list_contact_fields(&context.db, workspace_id).await?,
    };
    let how = ReadImport { skip, with_cells, more: more_columns(import), fields };
    Ok(read_import(list, options(context, import, is_workbook), how))
}
