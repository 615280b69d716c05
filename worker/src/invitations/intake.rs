//! A chunk of guests becomes contacts and invitations, in one transaction, wherever the guests come from.

use std::time::Duration;

use herald_db::Tx;
use herald_invitations as domain;
use herald_invitations::{Destination, Guest, ImportProblem, Invitee, Place, Run};
use herald_ledger as ledger;
use uuid::Uuid;

use crate::runner::Failure;
use crate::{
    invitations::places,
    jobs::{Context, Task},
};

/// How long an attempt waits that was overtaken: whoever overtook it may be at work still.
const OVERTAKEN: Duration = Duration::from_secs(1);

/// A guest of a chunk.
pub(super) struct Row {
    pub(super) guest: Guest,
    /// Where a remark about them is said to be: the line of a list, or the id outside.
    pub(super) line: i64,
    /// Their place in the run's list.
    pub(super) position: i64,
    /// They have a link that Herald did not make, as far as it knows.
    pub(super) has_link: bool,
}

/// What was read of a source, and how far that is.
pub(super) struct Chunk {
    /// Where the run's cursor is.
    pub(super) from: i64,
    /// Where it is after this chunk.
    pub(super) to: i64,
    pub(super) rows: Vec<Row>,
    pub(super) problems: Vec<ImportProblem>,
    /// Rows that are no guests.
    pub(super) rejected: i64,
    /// A source that the event's next run reads on from here.
    pub(super) read_on: Option<(Uuid, String)>,
}

impl Chunk {
    /// Takes it in: contacts, invitations with their numbers and places, the first job of each, and the cursor, or
    /// nothing of it.
    pub(super) async fn take_in<P>(mut self, context: &Context, task: &Task<P>, run: &Run) -> Result<(), Failure> {
        let reserve = places::reserve(context, task, run, self.rows.len()).await?;
        let mut tx = context.db.begin().await?;
        let guests: Vec<Guest> = self.rows.iter().map(|row| row.guest.clone()).collect();
        let upserted = domain::upsert_guests(&mut tx, task.workspace_id, &guests).await?;
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

    /// As [`Chunk::take_in`] for guests who are contacts already.
    pub(super) async fn take_in_contacts<P>(
        self,
        context: &Context,
        task: &Task<P>,
        run: &Run,
        invitees: &[Invitee],
    ) -> Result<(), Failure> {
        let reserve = places::reserve(context, task, run, invitees.len()).await?;
        let mut tx = context.db.begin().await?;
        let mut places = reserve.take(&mut tx, invitees.len()).await?;
        self.write(context, tx, task.workspace_id, run, invitees, &mut places).await
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
        let (prepared, jobs) =
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
        ledger::enqueue(&mut tx, jobs).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// What becomes of an attempt that found the cursor moved. If the run has ended, somebody cancelled it. Else a worker
/// that was thought dead took the chunk in after all: the run is not cancelled by that, and its guests are read on from
/// where the cursor is now.
async fn overtaken(context: &Context, workspace_id: Uuid, run: &Run) -> Result<Failure, Failure> {
    let now = domain::find_run(&context.db, workspace_id, run.id).await?;
    let has_ended = now.is_none_or(|run| run.has_ended());
    Ok(if has_ended { Failure::Cancelled } else { Failure::Snooze(OVERTAKEN) })
}

/// A remark that does not keep the guest from being invited.
pub(super) fn remark(line: i64, guest: &str, message: &str) -> ImportProblem {
    ImportProblem { line, guest: guest.to_owned(), fatal: false, message: message.to_owned() }
}
