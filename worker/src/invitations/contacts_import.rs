//! `contacts.import`: turns a run's list into contacts and invitations, one chunk in each transaction.
//!
//! Safe to run twice: the transaction that imports a chunk also moves the run's cursor, so each chunk is imported once.

mod segment;

use std::sync::Arc;

use herald_app::jobs::ContactsImport;
use herald_invitations as domain;
use herald_invitations::{
    ImportProblem, Invitee, Run, RunSource,
    guest_list::{self, Listed, Part, Pictures, Rows},
};
use herald_providers::files::{FilesError, Stored};
use herald_sheets::{CsvError, Options};
use tokio::sync::mpsc;

use crate::runner::{Done, Failure};
use crate::{
    invitations::intake::{Chunk, Row, remark},
    jobs::{Context, Task, refused},
};

/// The number of contacts in a transaction.
const CHUNK: usize = 500;

pub(crate) async fn run(context: Arc<Context>, task: Task<ContactsImport>) -> Result<Done, Failure> {
    let db = &context.db;
    let Some(run) = domain::find_run(db, task.workspace_id, task.args.run_id).await? else {
        return Err(Failure::Fail("its run does not exist any more".to_owned()));
    };
    if run.has_ended() {
        return Ok(Done::default());
    }
    match run.source.0.clone() {
        RunSource::Csv { key, picture_folder, pictures, is_sheet, .. } => {
            let options = context.import.clone();
            let options = if is_sheet { options.of_sheet() } else { options };
            import_csv(&context, &task, &run, (&key, options), Pictures::new(picture_folder, pictures)).await?;
        }
        RunSource::Contacts { ids } => import_contacts(&context, &task, &run, &ids).await?,
        RunSource::Segment { segment_id, .. } => segment::import(&context, &task, &run, segment_id).await?,
        RunSource::Mautic(_) => {
            return Err(Failure::Fail("its guests are in Mautic: contacts.pull reads them".to_owned()));
        }
    }
    let mut tx = db.begin().await?;
    domain::import_finished(&mut tx, task.workspace_id, run.id).await?;
    tx.commit().await?;
    Ok(Done::default())
}

async fn import_csv(
    context: &Arc<Context>,
    task: &Task<ContactsImport>,
    run: &Run,
    (key, options): (&str, Options),
    pictures: Pictures,
) -> Result<(), Failure> {
    let mut cursor = domain::import_cursor(&context.db, task.workspace_id, run.id).await?;
    let limit = run.options.0.limit.unwrap_or(u64::MAX);
    let key = Stored::of(task.workspace_id, key).map_err(refused)?;
    let part = Part { skip: u64::try_from(cursor).unwrap_or(0), limit };
    let mut rows = read(context, &key, options, pictures, part).await?;
    while let Some(chunk) = rows.recv().await {
        if task.cancelled.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        let chunk = chunk.map_err(|error| Failure::Fail(format!("the list cannot be read: {error}")))?;
        cursor = take_in(context, task, run, cursor, chunk).await?;
    }
    Ok(())
}

/// Opens the list and reads a part of it.
async fn read(
    context: &Arc<Context>,
    key: &Stored,
    options: Options,
    pictures: Pictures,
    part: Part,
) -> Result<mpsc::Receiver<Result<Rows, CsvError>>, Failure> {
    // The list stays in a file, so that memory does not grow with its size.
    let list = context.files.open_here(key, options.limits.bytes).await.map_err(|error| match error {
        FilesError::Missing(_) | FilesError::TooLarge { .. } => {
            Failure::Fail(format!("the list cannot be read: {error}"))
        }
        error => error.into(),
    })?;
    Ok(guest_list::read(list, options, pictures, part))
}

async fn take_in(
    context: &Context,
    task: &Task<ContactsImport>,
    run: &Run,
    cursor: i64,
    rows: Rows,
) -> Result<i64, Failure> {
    let to = cursor + i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let mut chunk = Chunk { from: cursor, to, rows: Vec::new(), problems: Vec::new(), rejected: 0, read_on: None };
    for row in rows {
        match row {
            Ok(Listed { row, picture }) => {
                let line = i64::try_from(row.line).unwrap_or(i64::MAX);
                let position = i64::try_from(row.row).unwrap_or(i64::MAX);
                let of_picture = picture.as_ref().and_then(|picture| picture.note.as_ref());
                let notes = row.notes.iter().chain(of_picture);
                chunk.problems.extend(notes.map(|note| remark(line, &row.name, note)));
                let guest = guest_list::guest(row, run.event_id, picture.map(|picture| picture.place));
                chunk.rows.push(Row { guest, line, position, has_link: false });
            }
            Err(problem) => {
                chunk.rejected += 1;
                chunk.problems.push(ImportProblem {
                    line: i64::try_from(problem.line).unwrap_or(i64::MAX),
                    message: problem.to_string(),
                    guest: problem.guest,
                    fatal: true,
                });
            }
        }
    }
    chunk.take_in(context, task, run).await?;
    Ok(to)
}

async fn import_contacts(
    context: &Context,
    task: &Task<ContactsImport>,
    run: &Run,
    ids: &[uuid::Uuid],
) -> Result<(), Failure> {
    let db = &context.db;
    let mut cursor = domain::import_cursor(db, task.workspace_id, run.id).await?;
    let start = usize::try_from(cursor).unwrap_or(usize::MAX).min(ids.len());
    let end = usize::try_from(run.options.0.limit.unwrap_or(u64::MAX)).unwrap_or(usize::MAX).min(ids.len());
    for chunk in ids[start..end.max(start)].chunks(CHUNK) {
        let mut invitees = Vec::new();
        let mut problems = Vec::new();
        for (id, position) in chunk.iter().zip(cursor + 1..) {
            match herald_contacts::find_contact(db, task.workspace_id, *id).await? {
                Some(contact) => invitees.push(Invitee::new(contact.id, position, contact.picture)),
                None => problems.push(ImportProblem {
                    line: position,
                    guest: id.to_string(),
                    fatal: true,
                    message: format!("contact {id} does not exist: check the id"),
                }),
            }
        }
        let next = cursor + i64::try_from(chunk.len()).unwrap_or(i64::MAX);
        let rejected = i64::try_from(problems.len()).unwrap_or(i64::MAX);
        let chunk = Chunk { from: cursor, to: next, rows: Vec::new(), problems, rejected, read_on: None };
        chunk.take_in_contacts(context, task, run, invitees).await?;
        cursor = next;
    }
    Ok(())
}
