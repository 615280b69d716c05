//! `contacts.import`: a run's list becomes contacts and invitations, a chunk in a transaction.
//!
//! Safe to run twice: the run's cursor moves in the transaction that takes a chunk in, so a chunk is taken in once.

use std::{collections::BTreeMap, sync::Arc};

use herald_shared::{
    csv::{GuestFile, GuestRow, RowProblem, email_key},
    domain::{self, Guest, ImportProblem, Invitee, Run, RunSource},
    files::FilesError,
    jobs::ContactsImport,
};
use tokio::sync::mpsc;

use super::{
    Context, Task,
    intake::{Chunk, Row, remark},
};
use crate::runner::{Done, Failure};

/// Rows in a transaction: enough to make its cost small, few enough for progress to be seen.
const CHUNK: usize = 500;

type Rows = Vec<Result<GuestRow, RowProblem>>;

pub(super) async fn run(context: Arc<Context>, task: Task<ContactsImport>) -> Result<Done, Failure> {
    let db = &context.db;
    let Some(run) = domain::run(db, task.workspace_id, task.args.run_id).await? else {
        return Err(Failure::Fail("its run does not exist any more".to_owned()));
    };
    if run.has_ended() {
        return Ok(Done::default());
    }
    match run.source.0.clone() {
        RunSource::Csv { key, picture_folder, pictures, .. } => {
            let pictures = Pictures { folder: picture_folder, uploaded: pictures };
            import_csv(&context, &task, &run, &key, &pictures).await?;
        }
        RunSource::Contacts { ids } => import_contacts(&context, &task, &run, &ids).await?,
        RunSource::Mautic(_) => {
            return Err(Failure::Fail("its guests are in Mautic: contacts.pull reads them".to_owned()));
        }
    }
    let mut tx = db.begin().await?;
    domain::import_finished(&mut tx, run.id).await?;
    tx.commit().await?;
    Ok(Done::default())
}

async fn import_csv(
    context: &Arc<Context>,
    task: &Task<ContactsImport>,
    run: &Run,
    key: &str,
    pictures: &Pictures,
) -> Result<(), Failure> {
    let mut cursor = domain::import_cursor(&context.db, run.id).await?;
    let limit = run.options.0.limit.unwrap_or(u64::MAX);
    let mut rows = read(context, key, u64::try_from(cursor).unwrap_or(0), limit).await?;
    while let Some(chunk) = rows.recv().await {
        if task.cancelled.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        let chunk = chunk?;
        cursor = take_in(context, task, run, pictures, cursor, chunk).await?;
    }
    Ok(())
}

/// Reads the list on a thread of its own, from after row `skip`, at most to row `limit`; two chunks are read ahead.
async fn read(
    context: &Arc<Context>,
    key: &str,
    skip: u64,
    limit: u64,
) -> Result<mpsc::Receiver<Result<Rows, Failure>>, Failure> {
    let (send, rows) = mpsc::channel(2);
    let options = context.import.clone();
    // A file rather than its bytes, so that memory does not grow with the list.
    let list = context.files.open_here(key, options.limits.bytes).await.map_err(|error| match error {
        FilesError::Missing(_) | FilesError::TooLarge { .. } => {
            Failure::Fail(format!("the list cannot be read: {error}"))
        }
        error => error.into(),
    })?;
    tokio::task::spawn_blocking(move || match GuestFile::new(list, &options) {
        Ok(file) => send_chunks(file, skip, limit, &send),
        Err(error) => {
            drop(send.blocking_send(Err(Failure::Fail(format!("the list cannot be read: {error}")))));
        }
    });
    Ok(rows)
}

fn send_chunks(
    file: impl Iterator<Item = Result<GuestRow, RowProblem>>,
    skip: u64,
    limit: u64,
    send: &mpsc::Sender<Result<Rows, Failure>>,
) {
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let skip = usize::try_from(skip).unwrap_or(usize::MAX);
    let mut rows = file.take(wanted).skip(skip).peekable();
    while rows.peek().is_some() {
        // An error means that nobody listens any more.
        if send.blocking_send(Ok(rows.by_ref().take(CHUNK).collect())).is_err() {
            return;
        }
    }
}

async fn take_in(
    context: &Context,
    task: &Task<ContactsImport>,
    run: &Run,
    pictures: &Pictures,
    cursor: i64,
    rows: Rows,
) -> Result<i64, Failure> {
    let to = cursor + i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let mut chunk = Chunk { from: cursor, to, rows: Vec::new(), problems: Vec::new(), rejected: 0, read_on: None };
    for row in rows {
        match row {
            Ok(row) => {
                let line = i64::try_from(row.line).unwrap_or(i64::MAX);
                let position = i64::try_from(row.row).unwrap_or(i64::MAX);
                chunk.problems.extend(row.notes.iter().map(|note| remark(line, &row.name, note)));
                chunk.rows.push(Row { guest: guest(row, run, pictures), line, position, has_link: false });
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

/// Where a list's relative picture names lead.
struct Pictures {
    folder: Option<String>,
    uploaded: BTreeMap<String, String>,
}

impl Pictures {
    /// The place of a picture as crops look it up. What cannot be used keeps its reason, so that the guest's results can say it.
    fn place(&self, picture: &str) -> String {
        if picture.starts_with("http://") || picture.starts_with("https://") {
            return picture.to_owned();
        }
        if let Some(key) = self.uploaded.get(picture).or_else(|| self.uploaded.get(file_name(picture))) {
            return format!("store:{key}");
        }
        let Some(folder) = &self.folder else {
            return format!(
                "none:picture \"{picture}\" was not uploaded with the list: upload it, or give a web address"
            );
        };
        let path = std::path::Path::new(picture);
        let stays_inside = path
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_) | std::path::Component::CurDir));
        if stays_inside {
            format!("file:{}", std::path::Path::new(folder).join(path).display())
        } else {
            format!(
                "none:picture \"{picture}\" lies outside the list's folder: put it beside the list and name it relative to it"
            )
        }
    }
}

fn file_name(picture: &str) -> &str {
    picture.rsplit(['/', '\\']).next().unwrap_or(picture)
}

fn guest(row: GuestRow, run: &Run, pictures: &Pictures) -> Guest {
    let mut fields = row.custom;
    for (field, value) in [("first_name", row.first_name), ("last_name", row.last_name)] {
        if let Some(value) = value {
            fields.insert(field.to_owned(), value);
        }
    }
    Guest {
        // Without an id or address a row is only known within its event: the same name on another list may be somebody else.
        row_key: format!("{}:{}", run.event_id, row.row_key.unwrap_or_default()),
        row_key_before: None,
        external_id: row.external_id,
        email: row.email.as_deref().map(email_key),
        phone: row.phone,
        name: row.name,
        picture: row.picture.map(|picture| pictures.place(&picture)),
        fields,
    }
}

async fn import_contacts(
    context: &Context,
    task: &Task<ContactsImport>,
    run: &Run,
    ids: &[uuid::Uuid],
) -> Result<(), Failure> {
    let db = &context.db;
    let mut cursor = domain::import_cursor(db, run.id).await?;
    let start = usize::try_from(cursor).unwrap_or(usize::MAX).min(ids.len());
    let end = usize::try_from(run.options.0.limit.unwrap_or(u64::MAX)).unwrap_or(usize::MAX).min(ids.len());
    for chunk in ids[start..end.max(start)].chunks(CHUNK) {
        let mut invitees = Vec::new();
        let mut problems = Vec::new();
        for (id, position) in chunk.iter().zip(cursor + 1..) {
            match domain::contact(db, task.workspace_id, *id).await? {
                Some(contact) => invitees.push(Invitee::new(contact.id, position, contact.picture.is_some())),
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
        chunk.take_in_contacts(context, task, run, &invitees).await?;
        cursor = next;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_beside_the_list_is_found_and_one_outside_is_refused() {
        let beside = Pictures { folder: Some("/lists".into()), uploaded: BTreeMap::new() };
        assert_eq!(beside.place("pictures/ana.jpg"), "file:/lists/pictures/ana.jpg");
        assert_eq!(beside.place("https://example.com/a.jpg"), "https://example.com/a.jpg");
        for outside in ["../secret.jpg", "/etc/passwd", "pictures/../../secret.jpg"] {
            assert!(beside.place(outside).starts_with("none:"), "{outside}");
        }
    }

    #[test]
    fn an_uploaded_list_sees_only_the_pictures_uploaded_with_it() {
        let uploaded = Pictures { folder: None, uploaded: [("ana.jpg".to_owned(), "imports/abc".to_owned())].into() };
        assert_eq!(uploaded.place("ana.jpg"), "store:imports/abc");
        assert_eq!(uploaded.place("pictures/ana.jpg"), "store:imports/abc");
        assert!(uploaded.place("/etc/passwd").starts_with("none:"));
    }
}
