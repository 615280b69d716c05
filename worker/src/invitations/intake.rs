//! Turns a chunk of guests into contacts and invitations, in one transaction, for every source of guests.

use std::time::Duration;

use chrono::TimeDelta;
use herald_contacts::{ContactNow, Person};
use herald_db::Tx;
use herald_invitations as domain;
use herald_invitations::{Destination, ImportProblem, Invitee, Place, Run};
use herald_ledger as ledger;
use uuid::Uuid;

use crate::runner::Failure;
use crate::{
    invitations::places,
    jobs::{Context, Task},
};

/// How long an overtaken attempt waits. The attempt that overtook it may still be running.
const OVERTAKEN: Duration = Duration::from_secs(1);

/// A guest of a chunk.
pub(super) struct Row {
    pub(super) guest: Person,
    /// The place of the guest in remarks: the line of a list, or the id in the outside system.
    pub(super) line: i64,
    /// The guest's position in the run's list.
    pub(super) position: i64,
    /// Whether the guest has a link that Herald did not create, as far as it knows.
    pub(super) has_link: bool,
}

/// The rows that were read from a source, and the positions before and after them.
pub(super) struct Chunk {
    /// The run's cursor before this chunk.
    pub(super) from: i64,
    /// The run's cursor after this chunk.
    pub(super) to: i64,
    pub(super) rows: Vec<Row>,
    pub(super) problems: Vec<ImportProblem>,
    /// The number of rows that are not guests.
    pub(super) rejected: i64,
    /// The source that the event's next run continues from here.
    pub(super) read_on: Option<(Uuid, String)>,
}

impl Chunk {
    /// Imports the chunk as a whole or not at all: contacts, invitations with their numbers and places, the first job
    /// of each, and the cursor.
    pub(super) async fn take_in<P>(mut self, context: &Context, task: &Task<P>, run: &Run) -> Result<(), Failure> {
        let reserve = places::reserve(context, task, run, self.rows.len()).await?;
        let mut tx = context.db.begin().await?;
        let guests: Vec<Person> = self.rows.iter().map(|row| row.guest.clone()).collect();
        let upserted = herald_contacts::upsert_people(&mut tx, task.workspace_id, &guests).await?;
        let mut invitees = Vec::with_capacity(upserted.len());
        for (contact, row) in upserted.iter().zip(&self.rows) {
            self.problems.extend(contact.note.iter().map(|note| remark(row.line, &row.guest.name, note)));
            let picture = row.guest.picture.clone();
            let (contact_id, position) = (contact.contact_id, row.position);
            invitees.push(Invitee { contact_id, position, picture, has_link: row.has_link });
        }
        let mut places = reserve.take(&mut tx, invitees.len()).await?;
        self.write(context, tx, task.workspace_id, run, &invitees, &mut places).await
    }

    /// Does the same as [`Chunk::take_in`] for guests who are already contacts.
    pub(super) async fn take_in_contacts<P>(
        mut self,
        context: &Context,
        task: &Task<P>,
        run: &Run,
        invitees: Vec<Invitee>,
    ) -> Result<(), Failure> {
        let reserve = places::reserve(context, task, run, invitees.len()).await?;
        let mut tx = context.db.begin().await?;
        let invitees = self.as_they_are(&mut tx, task.workspace_id, invitees).await?;
        let mut places = reserve.take(&mut tx, invitees.len()).await?;
        self.write(context, tx, task.workspace_id, run, &invitees, &mut places).await
    }

    /// The guests as they are now: since they were read, some may have been merged, trashed or erased.
    async fn as_they_are(
        &mut self,
        tx: &mut Tx,
        workspace_id: Uuid,
        invitees: Vec<Invitee>,
    ) -> Result<Vec<Invitee>, Failure> {
        let ids = invitees.iter().map(|invitee| invitee.contact_id).collect();
        let now = herald_contacts::contacts_now(tx, workspace_id, ids).await?;
        let mut kept = Vec::with_capacity(invitees.len());
        for Invitee { contact_id, position, picture, has_link } in invitees {
            let message = match now.get(&contact_id) {
                Some(ContactNow { is_trashed: false, contact_id: same, .. }) if *same == contact_id => {
                    kept.push(Invitee { contact_id, position, picture, has_link });
                    continue;
                }
                Some(ContactNow { is_trashed: false, contact_id: survivor, picture }) => {
                    kept.push(Invitee::new(*survivor, position, picture.clone()));
                    continue;
                }
                Some(ContactNow { contact_id, .. }) => in_trash(*contact_id),
                None => format!("contact {contact_id} does not exist any more"),
            };
            self.problems.push(ImportProblem { line: position, guest: String::new(), fatal: true, message });
            self.rejected += 1;
        }
        Ok(kept)
    }

    async fn write(
        self,
        context: &Context,
        mut tx: Tx,
        workspace_id: Uuid,
        run: &Run,
        invitees: &[Invitee],
        places: &mut Vec<Place>,
    ) -> Result<(), Failure> {
        let (prepared, mut jobs) =
            domain::prepare_invitations(&mut tx, workspace_id, run, invitees, &context.links, places).await?;
        domain::add_problems(&mut tx, workspace_id, run.id, &self.problems).await?;
        if !domain::take_chunk(&mut tx, workspace_id, run.id, (self.from, self.to), prepared, self.rejected).await? {
            drop(tx);
            return Err(overtaken(context, workspace_id, run).await?);
        }
        if let Some((connection_id, selection)) = &self.read_on {
            domain::move_source_cursor(&mut tx, run.event_id, *connection_id, selection, self.to).await?;
        }
        if let Destination::Drive { connection_id, .. } = &run.options.0.destination {
            let unused: Vec<String> = places.drain(..).map(|place| place.remote_id).collect();
            domain::add_reserved(&mut tx, *connection_id, &unused).await?;
        }
        if let Some(seconds) = run.options.0.seconds_apart {
            let now = context.db.now();
            for (job, place) in jobs.iter_mut().zip(self.from..) {
                job.run_at = Some(now + TimeDelta::seconds(place * i64::from(seconds)));
            }
        }
        ledger::enqueue(&mut tx, jobs).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// The outcome of an attempt that finds the cursor moved. If the run has ended, a person has cancelled it. Otherwise
/// another worker, which was believed dead, has imported the chunk. That does not cancel the run, and the next attempt
/// continues from the new cursor.
async fn overtaken(context: &Context, workspace_id: Uuid, run: &Run) -> Result<Failure, Failure> {
    let now = domain::find_run(&context.db, workspace_id, run.id).await?;
    let has_ended = now.is_none_or(|run| run.has_ended());
    Ok(if has_ended { Failure::Cancelled } else { Failure::Snooze(OVERTAKEN) })
}

/// Why a guest is left out who lies in the trash.
pub(super) fn in_trash(contact_id: Uuid) -> String {
    format!("contact {contact_id} lies in the trash: take the contact out of it, and start the run again")
}

/// A remark that does not prevent the guest's invitation.
pub(super) fn remark(line: i64, guest: &str, message: &str) -> ImportProblem {
    ImportProblem { line, guest: guest.to_owned(), fatal: false, message: message.to_owned() }
}
