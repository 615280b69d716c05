//! The guests of a run who are the contacts of a segment.
//!
//! Safe to run twice: the snapshot of a run is taken once, by one statement, and the run's cursor is the position in
//! it. A contact that joins or leaves the segment later changes nothing.

use herald_app::jobs::ContactsImport;
use herald_contacts::{
    ContactError, Rule, Snapshot, SnapshotMember, SnapshotUse, snapshot_members, snapshot_of, take_snapshot,
};
use herald_invitations as domain;
use herald_invitations::{ImportProblem, Invitee, Run, TemplateFilesError};
use uuid::Uuid;

use super::CHUNK;
use crate::{
    invitations::intake::{Chunk, in_trash},
    jobs::{Context, Task},
    runner::Failure,
};

pub(super) async fn import(
    context: &Context,
    task: &Task<ContactsImport>,
    run: &Run,
    segment_id: Uuid,
) -> Result<(), Failure> {
    let (db, workspace_id) = (&context.db, task.workspace_id);
    let mut cursor = domain::import_cursor(db, workspace_id, run.id).await?;
    let snapshot = match snapshot_of(db, workspace_id, (SnapshotUse::Run, run.id)).await.map_err(told)? {
        // The segment may have changed since, or be gone.
        // A run that has read its list to the end does not read it again, and no other's members go.
        Some(taken) if taken.members_gone_at.is_some() => {
            let reason = format!("whom its snapshot of {:?} had is not known any more: start a new run", taken.name);
            return Err(Failure::Fail(reason));
        }
        Some(taken) => taken,
        None => {
            check_fields(context, workspace_id, run, segment_id).await?;
            take_snapshot(db, workspace_id, segment_id, (SnapshotUse::Run, run.id)).await.map_err(told)?
        }
    };
    let limit = i64::try_from(run.options.0.limit.unwrap_or(u64::MAX)).unwrap_or(i64::MAX);
    let end = snapshot.contacts.min(limit);
    let mut after = Uuid::nil();
    while cursor < end {
        if task.cancelled.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        let mut members =
            snapshot_members(db, workspace_id, snapshot.id, (cursor, after), CHUNK).await.map_err(told)?;
        let is_last = members.len() < CHUNK;
        members.retain(|member| member.position <= end);
        let to = members.last().filter(|_| !is_last).map_or(end, |last| last.position);
        after = members.last().map_or(after, |last| last.member_id);
        take_in(context, task, run, (&snapshot, cursor, to), members).await?;
        cursor = to;
    }
    Ok(())
}

/// An error that passes is tried again.
fn told(error: ContactError) -> Failure {
    match error {
        ContactError::Db(error) => error.into(),
        error => Failure::Fail(error.to_string()),
    }
}

/// Checks before the first guest that somebody has each field of the template.
async fn check_fields(context: &Context, workspace_id: Uuid, run: &Run, segment_id: Uuid) -> Result<(), Failure> {
    let db = &context.db;
    let Some(row) = domain::find_template(db, workspace_id, run.template_id).await? else {
        return Err(Failure::Fail("its template does not exist any more".to_owned()));
    };
    let template = domain::stored_template(&row).await.map_err(|error| match error {
        TemplateFilesError::Files(_) | TemplateFilesError::Db(_) => error.into(),
        error => Failure::Fail(format!("template {:?}: {error}", row.name)),
    })?;
    let rule = Rule::Segment(segment_id);
    let is_empty = herald_contacts::first_members(db, workspace_id, &rule, 1).await.map_err(told)?.is_empty();
    let filled = domain::segment_fields(db, workspace_id, &rule, &template, is_empty).await.map_err(told)?;
    let known = domain::field_names(filled.iter().map(String::as_str));
    let checked = domain::check_stored_fields(&template, known).await;
    checked.map_err(|problems| Failure::Fail(format!("template {:?}: {problems}", row.name)))
}

async fn take_in(
    context: &Context,
    task: &Task<ContactsImport>,
    run: &Run,
    (snapshot, from, to): (&Snapshot, i64, i64),
    members: Vec<SnapshotMember>,
) -> Result<(), Failure> {
    let mut problems = Vec::new();
    let left_out = |line: i64, guest: String, message: String| ImportProblem { line, guest, fatal: true, message };
    // Who was erased has no row any more.
    let mut gone = to - from - i64::try_from(members.len()).unwrap_or(i64::MAX);
    let mut invitees = Vec::with_capacity(members.len());
    for member in members {
        match (member.contact_id, member.trashed_at) {
            (None, _) => gone += 1,
            // Without the name: who has no invitation of the run is not looked for in its remarks when they are erased.
            (Some(contact_id), Some(_)) => {
                problems.push(left_out(member.position, String::new(), in_trash(contact_id)));
            }
            (Some(contact_id), None) => invitees.push(Invitee::new(contact_id, member.position, member.picture)),
        }
    }
    let mut rejected = i64::try_from(problems.len()).unwrap_or(i64::MAX);
    if gone > 0 {
        let (who, were) =
            if gone == 1 { ("1 contact".to_owned(), "was") } else { (format!("{gone} contacts"), "were") };
        let message = format!("{who} of the segment {:?} {were} erased after the run had begun", snapshot.name);
        problems.push(left_out(from + 1, String::new(), message));
        rejected += gone;
    }
    let chunk = Chunk { from, to, rows: Vec::new(), problems, rejected, read_on: None };
    chunk.take_in_contacts(context, task, run, invitees).await
}
