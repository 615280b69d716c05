//! The file of the rows of a list that are left out. The check of the list writes it, and once the rows are taken in it
//! is written anew if others were left out than the check said.

use std::{
    fs::File,
    io::{BufWriter, Seek},
};

use herald_app::jobs::ImportRun;
use herald_contacts::{Import, ImportPiece, LateRefusals, find_import};
use herald_sheets::{CsvExport, REFUSED_COLUMN};
use uuid::Uuid;

use super::rows;
use crate::{
    jobs::{Context, Task},
    runner::Failure,
};

/// Writes the file of an import whose rows are taken in, if its check did not know all of them.
///
/// Safe to run twice: the file is made of the list and of what the chunks keep, and put in the place of the old one.
pub(super) async fn complete(context: &Context, task: &Task<ImportRun>, import: &Import) -> Result<(), Failure> {
    let (db, workspace) = (&context.db, task.workspace_id);
    let mut late = LateRefusals::of(workspace, import.id);
    let told = import.report.as_ref().map(|report| report.0.refused);
    let left_out = find_import(db, workspace, import.id).await?.map(|now| now.refused.unsigned_abs());
    if late.are_over(db).await? && told == left_out {
        return Ok(());
    }
    let mut pieces = rows(context, workspace, import, (0, true)).await?;
    let mut refused = None;
    while let Some(piece) = pieces.recv().await {
        if task.cancelled.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        match piece.map_err(|error| Failure::Fail(format!("the list cannot be read: {error}")))? {
            ImportPiece::Head { headers, .. } => refused = Some(Refused::new(headers)?),
            ImportPiece::Rows(rows) => {
                let Some(refused) = &mut refused else { continue };
                for row in rows {
                    match row {
                        Ok(row) => {
                            if let Some(why) = late.why(db, row.line).await? {
                                refused.add(&row.cells, &why)?;
                            }
                        }
                        Err(row) => refused.add(&row.cells, &row.problem.to_string())?,
                    }
                }
            }
        }
    }
    // An older version kept nothing with its chunks: then the file of the check says more.
    if refused.as_ref().map(|refused| refused.rows) != left_out {
        return Ok(());
    }
    store(context, workspace, import, refused.map(Refused::finish).transpose()?.flatten()).await
}

/// Stores the file of an import, or removes it if no row is left out.
pub(super) async fn store(
    context: &Context,
    workspace: Uuid,
    import: &Import,
    file: Option<File>,
) -> Result<(), Failure> {
    let key = import.refused_file(workspace);
    match file {
        Some(file) => context.files.put_from(&key, tokio::fs::File::from_std(file)).await?,
        None => context.files.delete(&key).await?,
    }
    Ok(())
}

/// The file of rows that are left out: their cells, and why. It can be corrected and imported again.
pub(super) struct Refused {
    csv: CsvExport<BufWriter<File>>,
    columns: usize,
    rows: u64,
}

impl Refused {
    pub(super) fn new(mut headers: Vec<String>) -> std::io::Result<Self> {
        headers.push(REFUSED_COLUMN.to_owned());
        let csv = CsvExport::new(BufWriter::new(tempfile::tempfile()?), &headers)?;
        Ok(Self { csv, columns: headers.len() - 1, rows: 0 })
    }

    pub(super) fn add(&mut self, cells: &[String], why: &str) -> std::io::Result<()> {
        self.rows += 1;
        let cells = cells.iter().cloned().chain(std::iter::repeat(String::new())).take(self.columns);
        self.csv.row(cells.chain([why.to_owned()]))
    }

    pub(super) fn finish(self) -> std::io::Result<Option<File>> {
        let mut file = self.csv.finish()?.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.rewind()?;
        Ok((self.rows > 0).then_some(file))
    }
}
