//! `import.check`: reads a list in full, and says what its import would do.
//!
//! Safe to run twice: it writes nothing but what it found, over what it found before.

use std::{
    fs::File,
    io::{Read, Seek},
    sync::Arc,
};

use herald_app::jobs::ImportCheck;
use herald_contacts::{
    Import, ImportPiece, ImportReport, ImportRow, ImportState, ImportWhat, ReadImport, RefusedRow, WouldDo,
    find_import, list_contact_fields, note_import_checked, read_import, would_do,
};
use herald_leads::would_do_leads;
use herald_sheets::{RowProblem, workbook::may_be_workbook};

use super::{
    more_columns, open, options,
    refused::{self, Refused},
};
use crate::{
    jobs::{Context, Task},
    runner::{Done, Failure},
    workbooks::WorkbooksError,
};

pub(crate) async fn run(context: Arc<Context>, task: Task<ImportCheck>) -> Result<Done, Failure> {
    let workspace = task.workspace_id;
    let Some(import) = find_import(&context.db, workspace, task.args.import_id).await? else {
        return Err(Failure::Fail("its import does not exist any more".to_owned()));
    };
    if import.state != ImportState::Checking {
        return Ok(Done::default());
    }
    let mut report = ImportReport::default();
    let file = open(&context, &import.file(workspace)).await?;
    let list = list(&context, &task, &import, file, &mut report).await?;
    let left_out = read(&context, &task, &import, list, &mut report).await?;
    refused::store(&context, workspace, &import, left_out).await?;
    let mut tx = context.db.begin().await?;
    let then = note_import_checked(&mut tx, workspace, &import, &report).await?;
    tx.commit().await?;
    Ok(Done { then: then.into_iter().collect(), ..Done::default() })
}

/// The list as CSV: the file itself, or a sheet of the workbook that it is.
async fn list(
    context: &Context,
    task: &Task<ImportCheck>,
    import: &Import,
    mut file: File,
    report: &mut ImportReport,
) -> Result<File, Failure> {
    let mut head = [0; 8];
    let read = file.read(&mut head)?;
    file.rewind()?;
    if !may_be_workbook(&head[..read]) {
        return Ok(file);
    }
    let (converted, csv) = match context.workbooks.to_csv(file, import.sheet.clone()).await {
        Ok(converted) => converted,
        Err(WorkbooksError::Refused(why)) => return Err(Failure::Fail(why)),
        Err(error) => return Err(error.into()),
    };
    report.is_workbook = true;
    report.sheets = converted.sheets.into_iter().filter(|sheet| !sheet.is_hidden).map(|sheet| sheet.name).collect();
    report.sheet = Some(converted.sheet);
    report.notes = converted.notes;
    let stored = tokio::fs::File::from_std(csv.try_clone()?);
    context.files.put_from(&import.sheet_file(task.workspace_id), stored).await?;
    Ok(csv)
}

/// Reads the list to its end. Returns the file of the rows that are left out, if there are any.
async fn read(
    context: &Context,
    task: &Task<ImportCheck>,
    import: &Import,
    list: File,
    report: &mut ImportReport,
) -> Result<Option<File>, Failure> {
    let fields = list_contact_fields(&context.db, task.workspace_id).await?;
    let how = ReadImport { skip: 0, with_cells: true, more: more_columns(import), fields };
    let mut pieces = read_import(list, options(context, import, report.is_workbook), how);
    let mut refused = None;
    while let Some(piece) = pieces.recv().await {
        if task.cancelled.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        match piece.map_err(|error| Failure::Fail(error.to_string()))? {
            ImportPiece::Head { headers, columns, notes, fields } => {
                report.columns = columns;
                report.fields = Some(fields);
                report.notes.extend(notes);
                refused = Some(Refused::new(headers)?);
            }
            ImportPiece::Rows(rows) => {
                let mut people: Vec<ImportRow> = Vec::new();
                let mut left_out: Vec<RefusedRow> = Vec::new();
                for row in rows {
                    match row {
                        Ok(row) => people.push(row),
                        Err(row) => left_out.push(row),
                    }
                }
                left_out.extend(count(context, task, import, &people, report).await?);
                left_out.sort_by_key(|row| row.problem.line);
                for row in &left_out {
                    report.refuse(&row.problem);
                    refused.as_mut().map(|refused| refused.add(&row.cells, &row.problem.to_string())).transpose()?;
                }
            }
        }
    }
    Ok(refused.map(Refused::finish).transpose()?.flatten())
}

/// Adds what would become of rows to the report. Returns those that would be left out.
async fn count(
    context: &Context,
    task: &Task<ImportCheck>,
    import: &Import,
    people: &[ImportRow],
    report: &mut ImportReport,
) -> Result<Vec<RefusedRow>, Failure> {
    let (db, workspace) = (&context.db, task.workspace_id);
    let would = match import.what {
        ImportWhat::Contacts => would_do(db, workspace, import.mode, people).await?,
        ImportWhat::Leads => would_do_leads(db, workspace, import, people.to_vec()).await?,
    };
    let WouldDo { tally, notes, refused } = would;
    let add = |to: &mut u64, count: i64| *to += count.unsigned_abs();
    add(&mut report.created, tally.created);
    add(&mut report.updated, tally.updated);
    add(&mut report.unchanged, tally.unchanged);
    add(&mut report.skipped, tally.skipped);
    report.rows += (people.len() - refused.len()) as u64;
    for row in people {
        row.notes.iter().for_each(|note| report.remark(row.line, &row.person.name, note));
    }
    for (at, note) in notes {
        report.remark(people[at].line, &people[at].person.name, &note);
    }
    let left_out = |(at, problem): (usize, RowProblem)| RefusedRow { problem, cells: people[at].cells.clone() };
    Ok(refused.into_iter().map(left_out).collect())
}
