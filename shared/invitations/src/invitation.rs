//! Invitations: one per event and contact, with its number from the moment it exists.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::Serialize;
use uuid::Uuid;

use super::run_options::{RunOptions, RunSource};
use herald_base::{boxed, crop_area::CropArea};
use herald_db::{Bulk, Db, FromRow, Json, Result, Tx, query};

herald_base::text_enum! {
    /// The state of an invitation.
    pub enum InvitationState, "unknown state {:?}" {
        /// On its way.
        Pending "pending",
        /// The guest has it.
        Made "made",
        /// It waits for a person.
        Failed "failed",
        /// A person stopped it.
        Cancelled "cancelled",
    }
}

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
    pub options: Json<RunOptions>,
    /// Where the run's guests come from.
    pub source: Json<RunSource>,
    /// `pending`, `made`, `failed` or `cancelled`.
    #[sqlx(try_from = "String")]
    pub state: InvitationState,
    /// The guest's lucky number, formatted.
    pub lucky_number: String,
    /// Where it can be seen.
    pub link: String,
    /// The crop of the guest's face, if there is one.
    pub portrait: Option<String>,
    /// The part of the picture that a person chose instead.
    pub crop: Option<Json<CropArea>>,
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
#[boxed]
pub async fn find_invitation(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<Invitation>> {
    query(
        "select i.id, i.event_id, e.name as event_name, e.slug as event_slug, i.contact_id, i.run_id, r.template_id, \
         r.options, r.source, i.state,
                i.lucky_number, i.link, i.portrait, i.crop, i.rendering, i.sha256, i.file, c.name, c.email, c.phone, \
                c.external_id, c.picture,
                c.fields
         from invitations as i
         join events as e on e.workspace_id = i.workspace_id and e.id = i.event_id
         join contacts as c on c.workspace_id = i.workspace_id and c.id = i.contact_id
         join invitation_runs as r on r.workspace_id = i.workspace_id and r.id = i.run_id
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

/// The names of the fields an invitation can show to a guest whose list brings these custom fields: what [`fields_of`]
/// gives values to, and the event's name.
pub fn field_names<'n>(custom: impl IntoIterator<Item = &'n str>) -> BTreeSet<String> {
    let custom = custom.into_iter().chain(["event"]).map(|name| (name.to_owned(), String::new())).collect();
    fields_of("", None, None, None, &custom).into_keys().collect()
}

/// Where an invitation's file is.
#[derive(Clone, Debug, FromRow)]
pub struct InvitationFile {
    /// Whose it is.
    pub workspace_id: Uuid,
    /// `pending`, `made`, `failed` or `cancelled`.
    #[sqlx(try_from = "String")]
    pub state: InvitationState,
    /// Its key in the file store, once it is made; still the old one's while it is being made anew.
    pub file: Option<String>,
    /// The drawing that the file is a copy of, or will be.
    pub rendering: Option<String>,
    /// SHA-256 of the drawing in hex.
    pub sha256: Option<String>,
}

/// The file of an invitation of any workspace. The caller holds its signed link, which names no workspace.
#[boxed]
pub async fn invitation_file(db: &Db, id: Uuid) -> Result<Option<InvitationFile>> {
    query("select workspace_id, state, file, rendering, sha256 from invitations where id = $1")
        .bind(id)
        .optional(db)
        .await
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
    #[sqlx(try_from = "String")]
    pub state: InvitationState,
    /// Whether the guest had it before this run.
    pub had_one: bool,
    /// Why it failed, and what to do.
    pub reason: Option<String>,
    /// What its failure has in common with others.
    pub cause: Option<String>,
    /// What a person should know about the picture.
    pub portrait_notes: Json<Vec<String>>,
    /// What a person should know about the drawing.
    pub render_notes: Json<Vec<String>>,
    /// The drawing that the file is a copy of, or will be.
    pub rendering: Option<String>,
    /// SHA-256 of the drawing in hex.
    pub sha256: Option<String>,
    /// Where it lies in the file store.
    pub file: Option<String>,
    /// Where it can be seen outside, if it is there.
    pub outside_link: Option<String>,
    /// Whether there is a picture of the guest.
    pub has_picture: bool,
    /// Whether a face was cut from it.
    pub has_portrait: bool,
    /// Whether the guest stands on the list here for the first time; only [`archived_guests`] looks.
    #[sqlx(default)]
    pub is_first: bool,
}

/// The columns of an [`InvitationRow`]: `g` is the guest's place in a run, `i` the invitation, `c` the contact, `u` the
/// upload.
pub(super) const ROW: &str = "i.id, g.position, i.contact_id, c.name, c.email, i.lucky_number, i.link, i.step, \
     i.state, g.had_one, i.reason, i.cause, i.portrait_notes, i.render_notes, i.rendering, i.sha256, i.file, \
     u.link as outside_link, c.picture is not null as has_picture, i.portrait is not null as has_portrait";

/// Where the columns of [`ROW`] come from, for the guests of the run `$2` in the workspace `$1`.
const OF_RUN: &str = "from run_guests as g
     join invitations as i on i.workspace_id = g.workspace_id and i.id = g.invitation_id
     join contacts as c on c.workspace_id = i.workspace_id and c.id = i.contact_id
     left join uploads as u on u.workspace_id = i.workspace_id and u.invitation_id = i.id and u.sha256 is not null
     where g.workspace_id = $1 and g.run_id = $2";

/// One guest of a run.
#[boxed]
pub async fn run_guest(
    db: &Db,
    workspace_id: Uuid,
    run_id: Uuid,
    invitation_id: Uuid,
) -> Result<Option<InvitationRow>> {
    let found = query(&format!("select {ROW} {OF_RUN} and g.invitation_id = $3 order by g.position limit 1"));
    found.bind(workspace_id).bind(run_id).bind(invitation_id).optional(db).await
}

/// The guests of a run in the order of its list, from after `after` (a position), at most `limit`; only those whose
/// invitation is in `state`, if given.
#[boxed]
pub async fn run_guests(
    db: &Db,
    workspace_id: Uuid,
    run_id: Uuid,
    state: Option<InvitationState>,
    after: Option<i64>,
    limit: usize,
) -> Result<Vec<InvitationRow>> {
    query(&format!(
        "select {ROW} {OF_RUN} and ($3 is null or i.state = $3) and g.position > $4 order by g.position limit $5"
    ))
    .bind(workspace_id)
    .bind(run_id)
    .bind(state.map(InvitationState::as_str))
    .bind(after.unwrap_or(i64::MIN))
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .all(db)
    .await
}

/// The guests of a run in the order of its list, from after `after`, at most `limit`, as an archive of their pictures
/// needs them.
#[boxed]
pub async fn archived_guests(
    db: &Db,
    workspace_id: Uuid,
    run_id: Uuid,
    after: Option<i64>,
    limit: usize,
) -> Result<Vec<InvitationRow>> {
    query(&format!(
        "select {ROW}, not exists (select 1 from run_guests as o where o.workspace_id = g.workspace_id
             and o.invitation_id = g.invitation_id and o.run_id = g.run_id and o.position < g.position) as is_first
         {OF_RUN} and g.position > $3 order by g.position limit $4"
    ))
    .bind(workspace_id)
    .bind(run_id)
    .bind(after.unwrap_or(i64::MIN))
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .all(db)
    .await
}

/// The file of the invitation of a guest on a run's list.
#[boxed]
pub async fn guest_file(
    db: &Db,
    workspace_id: Uuid,
    run_id: Uuid,
    invitation_id: Uuid,
) -> Result<Option<InvitationFile>> {
    query(
        "select workspace_id, state, file, rendering, sha256 from invitations
         where workspace_id = $1 and id = $3 and exists
           (select 1 from run_guests as g where g.workspace_id = $1 and g.run_id = $2 and g.invitation_id = $3)",
    )
    .bind(workspace_id)
    .bind(run_id)
    .bind(invitation_id)
    .optional(db)
    .await
}

/// Those of the contacts who have invitations.
#[boxed]
pub async fn invited_contacts(tx: &mut Tx, workspace_id: Uuid, contacts: &[Uuid]) -> Result<HashSet<Uuid>> {
    let found: Vec<(Uuid,)> = Bulk::new(
        "select rows.id from {rows} where exists
           (select 1 from invitations as i where i.workspace_id = rows.workspace_id and i.contact_id = rows.id)",
    )
    .column("id", contacts.iter().copied().collect())
    .column("workspace_id", contacts.iter().map(|_| workspace_id).collect())
    .all(tx)
    .await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// Every key of the file store that an invitation refers to, after `after` in order of id, at most `limit` invitations:
/// what the sweeper must keep.
#[boxed]
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
