//! The timeline of a contact: what happened with them, in the order in which it was written. Rows are only
//! added, and go with what an import made and an undoing takes back.
//!
//! That an import made a contact is no row here: it stands in the contact's own row, of which [`timeline`] makes the
//! entry. Of a large import these rows would be most of what is written.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::Serialize;
use uuid::Uuid;

use super::{ContactError, find_contact};
use herald_db::{Bulk, Db, FromRow, Json, Query, Result, Tx, query};
use herald_ledger::audit::{self, Actor, Entry};

/// What the timeline calls an import that made or changed the contact.
pub(super) const IMPORTED: &str = "contact.imported";

/// Something that happened with a contact, to be written down.
#[derive(Clone, Debug)]
pub struct NewActivity {
    /// The contact.
    pub contact_id: Uuid,
    /// What happened, as `thing.verb`.
    pub kind: &'static str,
    /// What it is about, such as a lead.
    pub subject_id: Option<Uuid>,
    /// What else should be known: an object.
    pub detail: serde_json::Value,
    /// Who did it; `None`: Herald itself.
    pub who: Option<String>,
}

impl NewActivity {
    /// An activity without a subject and details.
    pub fn of(contact_id: Uuid, kind: &'static str, who: &str) -> Self {
        Self { contact_id, kind, subject_id: None, detail: serde_json::json!({}), who: Some(who.to_owned()) }
    }

    /// The same, about a subject.
    #[must_use]
    pub fn about(self, subject_id: Uuid) -> Self {
        Self { subject_id: Some(subject_id), ..self }
    }

    /// The same, with details: an object.
    #[must_use]
    pub fn with(self, detail: serde_json::Value) -> Self {
        Self { detail, ..self }
    }
}

/// Something that happened with a contact.
#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
pub struct Activity {
    /// Its id.
    pub id: Uuid,
    /// What happened, as `thing.verb`.
    pub kind: String,
    /// What it is about, such as a lead.
    pub subject_id: Option<Uuid>,
    /// What else should be known.
    #[schema(value_type = Object)]
    pub detail: Json<serde_json::Value>,
    /// Who did it; `null`: Herald itself.
    pub who: Option<String>,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// Writes down what happened, in the transaction in which it happens.
#[boxed]
pub async fn record_activities(tx: &mut Tx, workspace_id: Uuid, activities: Vec<NewActivity>) -> Result<()> {
    if activities.is_empty() {
        return Ok(());
    }
    let now = tx.db().now();
    let ids: Vec<Uuid> = activities.iter().map(|_| tx.db().new_id()).collect();
    Bulk::new(
        "insert into activities (id, workspace_id, contact_id, kind, subject_id, detail, who, at)
         select id, workspace_id, contact_id, kind, subject_id, detail, who, at from {rows}",
    )
    .kept()
    .column("id", ids.into_iter().collect())
    .column("workspace_id", activities.iter().map(|_| workspace_id).collect())
    .column("contact_id", activities.iter().map(|one| one.contact_id).collect())
    .column("kind", activities.iter().map(|one| one.kind.to_owned()).collect())
    .column("subject_id", activities.iter().map(|one| one.subject_id).collect())
    .column("detail", activities.iter().map(|one| one.detail.clone()).collect())
    .column("who", activities.iter().map(|one| one.who.clone()).collect())
    .column("at", activities.iter().map(|_| now).collect())
    .execute(tx)
    .await
}

/// Removes what the timelines of contacts tell about things that are taken back as if they had never been: pairs of a
/// contact and a subject.
#[boxed]
pub async fn forget_activities(tx: &mut Tx, workspace_id: Uuid, about: Vec<(Uuid, Uuid)>) -> Result<()> {
    Bulk::new(
        "delete from activities where (workspace_id, contact_id, subject_id) in
           (select workspace_id, contact_id, subject_id from {rows})",
    )
    .column("workspace_id", about.iter().map(|_| workspace_id).collect())
    .column("contact_id", about.iter().map(|(contact, _)| *contact).collect())
    .column("subject_id", about.into_iter().map(|(_, subject)| subject).collect())
    .execute(tx)
    .await
}

const LONGEST_NOTE: usize = 5_000;

/// Adds a person's note to a contact. False: there is no such contact.
///
/// # Errors
/// [`ContactError::Field`].
#[boxed]
pub async fn add_note(db: &Db, actor: &Actor, contact_id: Uuid, text: &str) -> std::result::Result<bool, ContactError> {
    let text = text.trim();
    let long = text.chars().count();
    if text.is_empty() || long > LONGEST_NOTE {
        return Err(ContactError::field("text", format!("the note has {long} characters: use 1 to {LONGEST_NOTE}")));
    }
    let Some(contact) = find_contact(db, actor.workspace_id, contact_id).await? else { return Ok(false) };
    contact.is_itself()?;
    let mut tx = db.begin().await?;
    let note = NewActivity::of(contact_id, "note.added", &actor.who).with(serde_json::json!({ "text": text }));
    record_activities(&mut tx, actor.workspace_id, vec![note]).await?;
    audit::record(&mut tx, actor, Entry::of("contact.note", contact_id)).await?;
    tx.commit().await?;
    Ok(true)
}

/// What happened with a contact, the newest first, at most `limit`, from before the activity `before`.
#[boxed]
pub async fn list_activities(
    db: &Db,
    workspace_id: Uuid,
    contact_id: Uuid,
    before: Option<Uuid>,
    limit: usize,
) -> Result<Vec<Activity>> {
    timeline(workspace_id, contact_id, before, limit).all(db).await
}

/// Reads what [`list_activities`] lists. The entry of the import that made the contact has the contact's id. It was
/// given in the same transaction, before all other entries, so it leads to the right place in the order.
pub(super) fn timeline(workspace_id: Uuid, contact_id: Uuid, before: Option<Uuid>, limit: usize) -> Query {
    query(
        "select id, kind, subject_id, detail, who, at from activities
         where workspace_id = $1 and contact_id = $2 and ($3 is null or id < $3)
         union all
         select c.id, $5, c.imported_by, '{}', i.created_by, c.created_at
         from contacts as c join imports as i on i.workspace_id = c.workspace_id and i.id = c.imported_by
         where c.workspace_id = $1 and c.id = $2 and ($3 is null or c.id < $3)
         order by id desc limit $4",
    )
    .bind(workspace_id)
    .bind(contact_id)
    .bind(before)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .bind(IMPORTED)
}

/// Makes the entry of the import that made a contact an ordinary row, with the same id, so that it can move to another
/// contact and back.
pub(super) async fn write_import_down(tx: &mut Tx, workspace_id: Uuid, contact_id: Uuid) -> Result<()> {
    query(
        "insert into activities (id, workspace_id, contact_id, kind, subject_id, detail, who, at)
         select c.id, c.workspace_id, c.id, $3, c.imported_by, '{}', i.created_by, c.created_at
         from contacts as c join imports as i on i.workspace_id = c.workspace_id and i.id = c.imported_by
         where c.workspace_id = $1 and c.id = $2",
    )
    .bind(workspace_id)
    .bind(contact_id)
    .bind(IMPORTED)
    .execute(&mut *tx)
    .await?;
    query("update contacts set imported_by = null where workspace_id = $1 and id = $2")
        .bind(workspace_id)
        .bind(contact_id)
        .execute(tx)
        .await?;
    Ok(())
}
