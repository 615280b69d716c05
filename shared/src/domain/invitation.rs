//! Invitations: one per event and contact, with its number from the moment it exists.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::Serialize;
use uuid::Uuid;

use super::{event, run};
use crate::{
    db::{Bulk, Column, Db, FromRow, Json, Result, Tx, query},
    jobs::{FaceCrop, InvitationRender, Payload},
    ledger::NewJob,
    links::LinkSigner,
};

/// An invitation with what its steps need to know.
#[derive(Clone, Debug, FromRow)]
pub struct Invitation {
    /// Its id.
    pub id: Uuid,
    /// The event's id.
    pub event_id: Uuid,
    /// The event's name.
    pub event_name: String,
    /// The event's name in folders.
    pub event_slug: String,
    /// The guest.
    pub contact_id: Uuid,
    /// The run that makes it.
    pub run_id: Uuid,
    /// The template it is drawn on.
    pub template_id: Uuid,
    /// How the run wants it.
    pub options: Json<run::RunOptions>,
    /// `pending`, `made`, `failed` or `cancelled`.
    pub state: String,
    /// The guest's lucky number, formatted.
    pub lucky_number: String,
    /// Where it can be seen.
    pub link: String,
    /// The crop of the guest's face, if there is one.
    pub portrait: Option<String>,
    /// The drawing, once there is one.
    pub rendering: Option<String>,
    /// SHA-256 of the drawing in hex.
    pub sha256: Option<String>,
    /// Where the invitation lies, once it does.
    pub file: Option<String>,
    /// The guest's name.
    pub name: String,
    /// The guest's e-mail.
    pub email: Option<String>,
    /// The guest's phone.
    pub phone: Option<String>,
    /// The guest's id elsewhere.
    pub external_id: Option<String>,
    /// Where the guest's picture is: `file:`, `store:` or `http(s):`.
    pub picture: Option<String>,
    /// The guest's other fields.
    pub fields: Json<BTreeMap<String, String>>,
}

/// An invitation of a workspace.
pub async fn invitation(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<Invitation>> {
    query(
        "select i.id, i.event_id, e.name as event_name, e.slug as event_slug, i.contact_id, i.run_id, r.template_id, r.options, i.state,
                i.lucky_number, i.link, i.portrait, i.rendering, i.sha256, i.file, c.name, c.email, c.phone, c.external_id, c.picture,
                c.fields
         from invitations as i
         join events as e on e.id = i.event_id
         join contacts as c on c.id = i.contact_id
         join invitation_runs as r on r.id = i.run_id
         where i.workspace_id = $1 and i.id = $2",
    )
    .bind(workspace_id)
    .bind(id)
    .optional(db)
    .await
}

/// The fields a template's expressions may name, for this guest.
///
/// First and last name fall back to the first word of the name and the rest.
pub fn fields_of(
    name: &str,
    email: Option<&str>,
    phone: Option<&str>,
    external_id: Option<&str>,
    custom: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut fields = custom.clone();
    let (first, last) = name.split_once(' ').unwrap_or((name, ""));
    for (field, value) in [("first_name", first), ("last_name", last)] {
        let entry = fields.entry(field.to_owned()).or_default();
        if entry.is_empty() {
            *entry = value.to_owned();
        }
    }
    let own = [("name", Some(name)), ("email", email), ("phone", phone), ("external_id", external_id)];
    fields.extend(own.map(|(field, value)| (field.to_owned(), value.unwrap_or_default().to_owned())));
    fields
}

/// The names of the fields an invitation can show to a guest whose list brings these custom fields: what [`fields_of`] gives values to,
/// and the event's name.
pub fn field_names<'n>(custom: impl IntoIterator<Item = &'n str>) -> BTreeSet<String> {
    let custom = custom.into_iter().chain(["event"]).map(|name| (name.to_owned(), String::new())).collect();
    fields_of("", None, None, None, &custom).into_keys().collect()
}

/// Where an invitation's file is.
#[derive(Clone, Debug, FromRow)]
pub struct InvitationFile {
    /// `pending`, `made`, `failed` or `cancelled`.
    pub state: String,
    /// Its key in the file store, once it is made; still the old one's while it is being made anew.
    pub file: Option<String>,
}

/// The file of an invitation of any workspace: for who holds its signed link, which names no workspace.
pub async fn invitation_file(db: &Db, id: Uuid) -> Result<Option<InvitationFile>> {
    query("select state, file from invitations where id = $1").bind(id).optional(db).await
}

/// What preparing a chunk of guests did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prepared {
    /// Invitations to be made now.
    pub pending: i64,
    /// Guests who had one.
    pub already: i64,
}

#[derive(FromRow)]
struct Existing {
    id: Uuid,
    contact_id: Uuid,
    run_id: Uuid,
    state: String,
}

/// A guest of a chunk, ready to be invited.
#[derive(Clone, Debug)]
pub(super) struct Invitee {
    pub(super) contact_id: Uuid,
    pub(super) position: i64,
    pub(super) has_picture: bool,
}

/// Gives each guest of a chunk (contact, place in the list, whether they have a picture) an invitation with a number, or takes up the
/// one they have, and returns the jobs that make what is to be made. Nobody who has a finished invitation gets another, unless the run
/// refreshes; nobody's number ever changes.
pub async fn prepare_invitations(
    tx: &mut Tx,
    workspace_id: Uuid,
    run: &run::Run,
    guests: &[(Uuid, i64, bool)],
    links: &LinkSigner,
) -> Result<(Prepared, Vec<NewJob>)> {
    let guests: Vec<Invitee> = guests
        .iter()
        .map(|(contact_id, position, has_picture)| Invitee {
            contact_id: *contact_id,
            position: *position,
            has_picture: *has_picture,
        })
        .collect();
    let event_id = run.event_id;
    // Locks the event's row first: of two imports for one event the second waits here and then sees what the first made.
    event::take_numbers(tx, event_id, 0).await?;
    let existing: Vec<Existing> = Bulk::new(
        "select i.id, i.contact_id, i.run_id, i.state from invitations as i join {rows} on i.contact_id = rows.contact_id
         where i.event_id = rows.event_id",
    )
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
            None => fresh.push(guest.clone()),
            Some(old) if old.state == "made" && !run.options.0.refresh => {
                prepared.already += 1;
                listed.push(Listed { position: guest.position, invitation_id: old.id, had_one: true });
            }
            Some(old) if run.options.0.only_failed && old.state != "failed" => {}
            Some(old) => {
                prepared.pending += 1;
                jobs.push(first_step(workspace_id, old.id, guest.has_picture, run.batch_id));
                listed.push(Listed { position: guest.position, invitation_id: old.id, had_one: false });
                taken_over.push((old, guest));
            }
        }
    }
    prepared.pending += i64::try_from(fresh.len()).unwrap_or(i64::MAX);
    take_over(tx, run, &taken_over).await?;
    let ids = insert(tx, workspace_id, run, &fresh, links).await?;
    for (id, guest) in ids.into_iter().zip(&fresh) {
        jobs.push(first_step(workspace_id, id, guest.has_picture, run.batch_id));
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
pub(super) fn first_step(workspace_id: Uuid, invitation_id: Uuid, has_picture: bool, batch_id: Uuid) -> NewJob {
    let mut job = if has_picture {
        FaceCrop { invitation_id }.job(workspace_id)
    } else {
        InvitationRender { invitation_id }.job(workspace_id)
    };
    job.batch_id = Some(batch_id);
    job
}

/// Makes invitations of earlier runs this run's own: they keep id, number and link.
async fn take_over(tx: &mut Tx, run: &run::Run, invitations: &[(&Existing, &Invitee)]) -> Result<()> {
    let now = tx.db().now();
    Bulk::new(
        "update invitations set run_id = rows.run_id, state = 'pending', reason = null,
           step = case when rows.has_picture then 'picture' else 'render' end, updated_at = rows.at
         from {rows} where invitations.id = rows.id",
    )
    .column("id", invitations.iter().map(|(old, _)| old.id).collect())
    .column("run_id", invitations.iter().map(|_| run.id).collect())
    .column("has_picture", invitations.iter().map(|(_, guest)| guest.has_picture).collect())
    .column("at", invitations.iter().map(|_| now).collect())
    .execute(tx)
    .await?;
    let mut left: BTreeMap<Uuid, i64> = BTreeMap::new();
    for (old, _) in invitations.iter().filter(|(old, _)| old.run_id != run.id && old.state == "pending") {
        *left.entry(old.run_id).or_default() += 1;
    }
    for (old_run, count) in left {
        run::count(tx, old_run, run::Tally { total: -count, ..Default::default() }).await?;
    }
    Ok(())
}

async fn insert(
    tx: &mut Tx,
    workspace_id: Uuid,
    run: &run::Run,
    guests: &[Invitee],
    links: &LinkSigner,
) -> Result<Vec<Uuid>> {
    if guests.is_empty() {
        return Ok(Vec::new());
    }
    let now = tx.db().now();
    let numbers = event::take_numbers(tx, run.event_id, i64::try_from(guests.len()).unwrap_or(i64::MAX)).await?;
    let ids: Vec<Uuid> = guests.iter().map(|_| tx.db().new_id()).collect();
    let expires_at = links.expiry(now);
    let empty = || serde_json::Value::Array(Vec::new());
    Bulk::new(
        "insert into invitations (id, workspace_id, event_id, contact_id, run_id, number_index, lucky_number, link,
                                  link_expires_at, step, state, portrait_notes, render_notes, created_at, updated_at)
         select id, workspace_id, event_id, contact_id, run_id, number_index, lucky_number, link,
                expires_at, case when has_picture then 'picture' else 'render' end, 'pending', portrait_notes, render_notes, at, at
         from {rows}",
    )
    .column("id", ids.iter().copied().collect())
    .column("workspace_id", ids.iter().map(|_| workspace_id).collect())
    .column("event_id", ids.iter().map(|_| run.event_id).collect())
    .column("contact_id", guests.iter().map(|guest| guest.contact_id).collect())
    .column("run_id", ids.iter().map(|_| run.id).collect())
    .column("number_index", numbers.iter().map(|(index, _)| *index).collect())
    .column("lucky_number", numbers.iter().map(|(_, number)| number.clone()).collect())
    .column("link", ids.iter().map(|id| links.link(*id, expires_at)).collect())
    .column("expires_at", ids.iter().map(|_| expires_at).collect())
    .column("has_picture", guests.iter().map(|guest| guest.has_picture).collect())
    .column("portrait_notes", Column::Json(ids.iter().map(|_| Some(empty())).collect()))
    .column("render_notes", Column::Json(ids.iter().map(|_| Some(empty())).collect()))
    .column("at", ids.iter().map(|_| now).collect())
    .execute(tx)
    .await?;
    Ok(ids)
}

/// A guest of a run as people see them.
#[derive(Clone, Debug, FromRow, Serialize)]
pub struct InvitationRow {
    /// The invitation.
    pub id: Uuid,
    /// The guest's place in the list.
    pub position: i64,
    /// The contact.
    pub contact_id: Uuid,
    /// The guest's name.
    pub name: String,
    /// The guest's e-mail.
    pub email: Option<String>,
    /// The guest's lucky number.
    pub lucky_number: String,
    /// Where the invitation can be seen, once it is made.
    pub link: String,
    /// The step it is at.
    pub step: String,
    /// `pending`, `made`, `failed` or `cancelled`.
    pub state: String,
    /// Whether the guest had it before this run.
    pub had_one: bool,
    /// Why it failed, and what to do.
    pub reason: Option<String>,
    /// What a person should know about the picture.
    pub portrait_notes: Json<Vec<String>>,
    /// What a person should know about the drawing.
    pub render_notes: Json<Vec<String>>,
    /// Where it lies in the file store.
    pub file: Option<String>,
}

/// The guests of a run in the order of its list, from after `after` (a position), at most `limit`; only those whose invitation is in
/// `state`, if given.
pub async fn run_guests(
    db: &Db,
    workspace_id: Uuid,
    run_id: Uuid,
    state: Option<&str>,
    after: Option<i64>,
    limit: usize,
) -> Result<Vec<InvitationRow>> {
    query(
        "select i.id, g.position, i.contact_id, c.name, c.email, i.lucky_number, i.link, i.step, i.state, g.had_one, i.reason,
                i.portrait_notes, i.render_notes, i.file
         from run_guests as g
         join invitations as i on i.id = g.invitation_id
         join contacts as c on c.id = i.contact_id
         where g.workspace_id = $1 and g.run_id = $2 and ($3 is null or i.state = $3) and g.position > $4
         order by g.position limit $5",
    )
    .bind(workspace_id)
    .bind(run_id)
    .bind(state)
    .bind(after.unwrap_or(i64::MIN))
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .all(db)
    .await
}

/// Every key of the file store that an invitation refers to, after `after` in order of id, at most `limit` invitations: what the sweeper
/// must keep.
pub async fn referenced_files(
    db: &Db,
    after: Option<Uuid>,
    limit: usize,
) -> Result<Vec<(Uuid, Option<String>, Option<String>, Option<String>)>> {
    query("select id, portrait, rendering, file from invitations where ($1 is null or id > $1) order by id limit $2")
        .bind(after)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .all(db)
        .await
}
