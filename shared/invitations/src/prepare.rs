//! Guests become invitations: a number, a link, a place, and the first job.

use std::collections::{BTreeMap, HashMap, HashSet};

use uuid::Uuid;

use super::{InvitationState, event, picture::PictureSource, run, run_options::Destination, upload};
use crate::jobs::{FaceCrop, InvitationRender, PictureFetch};
use herald_base::{boxed, links::LinkSigner};
use herald_db::{Bulk, Column, FromRow, Result, Tx};
use herald_ledger::{NewJob, Payload};

/// What preparing a chunk of guests did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prepared {
    /// Invitations to be made now.
    pub pending: i64,
    /// Guests who already had an invitation.
    pub already: i64,
}

#[derive(FromRow)]
struct Existing {
    id: Uuid,
    contact_id: Uuid,
    run_id: Uuid,
    #[sqlx(try_from = "String")]
    state: InvitationState,
    link: String,
}

/// A guest of a chunk, ready to be invited.
#[derive(Clone, Debug)]
pub struct Invitee {
    /// The contact.
    pub contact_id: Uuid,
    /// Their place in the list.
    pub position: i64,
    /// Where their picture is, if there is one.
    pub picture: Option<String>,
    /// They got a link elsewhere, before Herald knew them: they get no other, unless the run refreshes.
    pub has_link: bool,
}

impl Invitee {
    /// A guest who, according to the list, has no link yet.
    pub fn new(contact_id: Uuid, position: i64, picture: Option<String>) -> Self {
        Self { contact_id, position, picture, has_link: false }
    }
}

/// A place outside for an invitation that has none yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The id reserved for it there.
    pub remote_id: String,
    /// Where it will be seen.
    pub link: String,
}

/// Gives each guest of a chunk an invitation with a number, or takes up the one they have. Returns the jobs that make
/// the missing ones. A guest with a finished invitation gets no second one, unless the run refreshes; a guest's number
/// never changes.
///
/// If the invitations go to a provider, each one without a place there takes one from `places`. The caller brings as
/// many places as guests; unused ones stay in `places`.
#[boxed]
pub async fn prepare_invitations(
    tx: &mut Tx,
    workspace_id: Uuid,
    run: &run::Run,
    guests: &[Invitee],
    links: &LinkSigner,
    places: &mut Vec<Place>,
) -> Result<(Prepared, Vec<NewJob>)> {
    let event_id = run.event_id;
    // Locks the event's row first: of two imports for one event the second waits here and then sees what the first
    // made.
    event::take_numbers(tx, workspace_id, event_id, 0).await?;
    let existing: Vec<Existing> = Bulk::new(
        "select i.id, i.contact_id, i.run_id, i.state, i.link from invitations as i join {rows} \
         on i.contact_id = rows.contact_id
         where i.workspace_id = rows.workspace_id and i.event_id = rows.event_id",
    )
    .column("workspace_id", guests.iter().map(|_| workspace_id).collect())
    .column("contact_id", guests.iter().map(|guest| guest.contact_id).collect())
    .column("event_id", guests.iter().map(|_| event_id).collect())
    .all(&mut *tx)
    .await?;
    let existing: HashMap<Uuid, Existing> = existing.into_iter().map(|row| (row.contact_id, row)).collect();
    let mut prepared = Prepared::default();
    let mut jobs = Vec::new();
    let mut fresh = Vec::new();
    let mut taken_over = Vec::new();
    let mut listed = Vec::new();
    let mut seen = HashSet::new();
    // Two rows of a list can turn out to be one contact.
    for guest in guests.iter().filter(|guest| seen.insert(guest.contact_id)) {
        match existing.get(&guest.contact_id) {
            None if run.options.0.only_failed => {}
            None if guest.has_link && !run.options.0.refresh => prepared.already += 1,
            None => fresh.push(guest.clone()),
            Some(old) if old.state == InvitationState::Made && !run.options.0.refresh => {
                prepared.already += 1;
                listed.push(Listed { position: guest.position, invitation_id: old.id, had_one: true });
            }
            Some(old) if run.options.0.only_failed && old.state != InvitationState::Failed => {}
            // Twice on one list, and on its way.
            Some(old) if old.run_id == run.id && old.state == InvitationState::Pending => {}
            Some(old) => {
                prepared.pending += 1;
                jobs.push(first_step(workspace_id, old.id, guest.picture.as_deref(), run.batch_id));
                listed.push(Listed { position: guest.position, invitation_id: old.id, had_one: false });
                taken_over.push((old, guest));
            }
        }
    }
    prepared.pending += i64::try_from(fresh.len()).unwrap_or(i64::MAX);
    take_over(tx, workspace_id, run, &taken_over, links).await?;
    let taken_over: Vec<Uuid> = taken_over.iter().map(|(old, _)| old.id).collect();
    place(tx, workspace_id, run, &taken_over, places).await?;
    let ids = insert(tx, workspace_id, run, &fresh, links, places).await?;
    for (id, guest) in ids.into_iter().zip(&fresh) {
        jobs.push(first_step(workspace_id, id, guest.picture.as_deref(), run.batch_id));
        listed.push(Listed { position: guest.position, invitation_id: id, had_one: false });
    }
    list(tx, workspace_id, run.id, &listed).await?;
    Ok((prepared, jobs))
}

/// A guest's place on a run's list.
struct Listed {
    position: i64,
    invitation_id: Uuid,
    had_one: bool,
}

async fn list(tx: &mut Tx, workspace_id: Uuid, run_id: Uuid, guests: &[Listed]) -> Result<()> {
    Bulk::new(
        "insert into run_guests (run_id, position, workspace_id, invitation_id, had_one)
         select run_id, position, workspace_id, invitation_id, had_one from {rows}",
    )
    .column("run_id", guests.iter().map(|_| run_id).collect())
    .column("position", guests.iter().map(|guest| guest.position).collect())
    .column("workspace_id", guests.iter().map(|_| workspace_id).collect())
    .column("invitation_id", guests.iter().map(|guest| guest.invitation_id).collect())
    .column("had_one", guests.iter().map(|guest| guest.had_one).collect())
    .execute(tx)
    .await
}

/// The job that begins an invitation.
pub(super) fn first_step(workspace_id: Uuid, invitation_id: Uuid, picture: Option<&str>, batch_id: Uuid) -> NewJob {
    let mut job = match picture.map(PictureSource::of) {
        Some(Some(source)) => PictureFetch::new(invitation_id, &source).job(workspace_id),
        Some(None) => FaceCrop { invitation_id }.job(workspace_id),
        None => InvitationRender { invitation_id }.job(workspace_id),
    };
    job.batch_id = Some(batch_id);
    job
}

/// Makes invitations of earlier runs this run's own: they keep id, number and link. Only a link whose key is lost, and
/// which nothing opens any more, is replaced.
async fn take_over(
    tx: &mut Tx,
    workspace_id: Uuid,
    run: &run::Run,
    invitations: &[(&Existing, &Invitee)],
    links: &LinkSigner,
) -> Result<()> {
    let now = tx.db().now();
    let expires_at = links.expiry(now);
    let dead: Vec<bool> = invitations.iter().map(|(old, _)| links.is_dead(&old.link)).collect();
    let new_links = invitations.iter().zip(&dead).map(|((old, _), dead)| dead.then(|| links.link(old.id, expires_at)));
    Bulk::new(
        "update invitations set run_id = rows.run_id, state = 'pending', reason = null,
           step = case when rows.has_picture then 'picture' else 'render' end, link = coalesce(rows.link, \
           invitations.link),
           link_expires_at = coalesce(rows.expires_at, invitations.link_expires_at), updated_at = rows.at
         from {rows} where invitations.workspace_id = rows.workspace_id and invitations.id = rows.id",
    )
    .column("workspace_id", invitations.iter().map(|_| workspace_id).collect())
    .column("link", Column::Text(new_links.collect()))
    .column("expires_at", Column::Time(dead.iter().map(|dead| dead.then_some(expires_at)).collect()))
    .column("id", invitations.iter().map(|(old, _)| old.id).collect())
    .column("run_id", invitations.iter().map(|_| run.id).collect())
    .column("has_picture", invitations.iter().map(|(_, guest)| guest.picture.is_some()).collect())
    .column("at", invitations.iter().map(|_| now).collect())
    .execute(tx)
    .await?;
    let mut left: BTreeMap<Uuid, i64> = BTreeMap::new();
    for (old, _) in invitations.iter().filter(|(old, _)| old.run_id != run.id && old.state == InvitationState::Pending)
    {
        *left.entry(old.run_id).or_default() += 1;
    }
    for (old_run, count) in left {
        run::count(tx, workspace_id, old_run, run::Tally { total: -count, ..Default::default() }).await?;
    }
    Ok(())
}

async fn insert(
    tx: &mut Tx,
    workspace_id: Uuid,
    run: &run::Run,
    guests: &[Invitee],
    links: &LinkSigner,
    places: &mut Vec<Place>,
) -> Result<Vec<Uuid>> {
    if guests.is_empty() {
        return Ok(Vec::new());
    }
    let now = tx.db().now();
    let numbers =
        event::take_numbers(tx, workspace_id, run.event_id, i64::try_from(guests.len()).unwrap_or(i64::MAX)).await?;
    let ids: Vec<Uuid> = guests.iter().map(|_| tx.db().new_id()).collect();
    let expires_at = links.expiry(now);
    let placed = match &run.options.0.destination {
        Destination::Drive { .. } => places.split_off(places.len().saturating_sub(ids.len())),
        Destination::Local | Destination::S3 { .. } => Vec::new(),
    };
    let link =
        |at: usize, id: Uuid| placed.get(at).map_or_else(|| links.link(id, expires_at), |place| place.link.clone());
    let empty = || serde_json::Value::Array(Vec::new());
    Bulk::new(
        "insert into invitations (id, workspace_id, event_id, contact_id, run_id, number_index, lucky_number, link,
                                  link_expires_at, step, state, portrait_notes, render_notes, created_at, updated_at)
         select id, workspace_id, event_id, contact_id, run_id, number_index, lucky_number, link,
                expires_at, case when has_picture then 'picture' else 'render' end, 'pending', portrait_notes, \
                render_notes, at, at
         from {rows}",
    )
    .column("id", ids.iter().copied().collect())
    .column("workspace_id", ids.iter().map(|_| workspace_id).collect())
    .column("event_id", ids.iter().map(|_| run.event_id).collect())
    .column("contact_id", guests.iter().map(|guest| guest.contact_id).collect())
    .column("run_id", ids.iter().map(|_| run.id).collect())
    .column("number_index", numbers.iter().map(|(index, _)| *index).collect())
    .column("lucky_number", numbers.iter().map(|(_, number)| number.clone()).collect())
    .column("link", ids.iter().enumerate().map(|(at, id)| link(at, *id)).collect())
    .column("expires_at", ids.iter().map(|_| expires_at).collect())
    .column("has_picture", guests.iter().map(|guest| guest.picture.is_some()).collect())
    .column("portrait_notes", Column::Json(ids.iter().map(|_| Some(empty())).collect()))
    .column("render_notes", Column::Json(ids.iter().map(|_| Some(empty())).collect()))
    .column("at", ids.iter().map(|_| now).collect())
    .execute(&mut *tx)
    .await?;
    if let Some(connection_id) = run.options.0.destination.connection_id() {
        let places: Vec<_> = ids.iter().copied().zip(placed.into_iter().map(|place| place.remote_id)).collect();
        upload::assign(tx, workspace_id, connection_id, &places).await?;
    }
    Ok(ids)
}

/// Gives invitations of earlier runs a place where this run's go, if they have none there.
async fn place(
    tx: &mut Tx,
    workspace_id: Uuid,
    run: &run::Run,
    invitations: &[Uuid],
    places: &mut Vec<Place>,
) -> Result<()> {
    let Destination::Drive { connection_id, .. } = run.options.0.destination else { return Ok(()) };
    let placed = upload::placed(&mut *tx, workspace_id, connection_id, invitations).await?;
    let without = invitations.iter().copied().filter(|id| !placed.contains(id));
    let places: Vec<_> = without.map_while(|id| places.pop().map(|place| (id, place.remote_id))).collect();
    upload::assign(tx, workspace_id, connection_id, &places).await
}
