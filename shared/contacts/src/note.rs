//! What other domains note on a contact: its invitation, its picture.

use herald_base::boxed;
use serde_json::json;
use uuid::Uuid;

use herald_db::{Bulk, Column, Result, Tx, query};

/// A contact whose invitation is made.
#[derive(Clone, Debug)]
pub struct Invited {
    /// The contact's workspace.
    pub workspace_id: Uuid,
    /// The contact.
    pub contact_id: Uuid,
    /// The number on the invitation.
    pub lucky_number: String,
    /// Where the invitation is.
    pub link: String,
    /// The invitation.
    pub invitation_id: Uuid,
    /// The run that made it.
    pub run_id: Uuid,
}

/// What the timeline calls an invitation that is made.
const MADE: &str = "invitation.made";

/// Gives contacts the numbers and links of their invitations, and tells of each invitation on their timelines, once.
#[boxed]
pub async fn note_invited(tx: &mut Tx, mut invited: Vec<Invited>) -> Result<()> {
    if invited.is_empty() {
        return Ok(());
    }
    // Rows are locked in the order of ids.
    invited.sort_by_key(|one| (one.workspace_id, one.contact_id));
    let now = tx.db().now();
    let ids: Vec<Uuid> = invited.iter().map(|_| tx.db().new_id()).collect();
    let details = invited.iter().map(|one| Some(json!({ "run_id": one.run_id })));
    // An invitation that is drawn again is no second one.
    Bulk::new(
        "insert into activities (id, workspace_id, contact_id, kind, subject_id, detail, at)
         select id, workspace_id, contact_id, kind, subject_id, detail, at from {rows} where not exists
           (select 1 from activities as a where a.workspace_id = rows.workspace_id and a.contact_id = rows.contact_id
              and a.kind = rows.kind and a.subject_id = rows.subject_id)",
    )
    .column("id", ids.into_iter().collect())
    .column("workspace_id", invited.iter().map(|one| one.workspace_id).collect())
    .column("contact_id", invited.iter().map(|one| one.contact_id).collect())
    .column("kind", invited.iter().map(|_| MADE.to_owned()).collect())
    .column("subject_id", invited.iter().map(|one| one.invitation_id).collect())
    .column("detail", Column::Json(details.collect()))
    .column("at", invited.iter().map(|_| now).collect())
    .execute(&mut *tx)
    .await?;
    Bulk::new(
        "update contacts set lucky_number = rows.lucky_number, updated_at = rows.at, invitation_link = rows.link
         from {rows} where contacts.workspace_id = rows.workspace_id and contacts.id = rows.contact_id",
    )
    .column("workspace_id", invited.iter().map(|one| one.workspace_id).collect())
    .column("contact_id", invited.iter().map(|one| one.contact_id).collect())
    .column("link", invited.iter().map(|one| one.link.clone()).collect())
    .column("lucky_number", invited.iter().map(|one| one.lucky_number.clone()).collect())
    .column("at", invited.iter().map(|_| now).collect())
    .execute(tx)
    .await
}

/// Takes what timelines tell of invitations that are no more off them: pairs of the contact who has the timeline, and
/// the invitation.
#[boxed]
pub async fn forget_invited(tx: &mut Tx, workspace_id: Uuid, invitations: Vec<(Uuid, Uuid)>) -> Result<()> {
    // Without the kind, SQLite cannot but use the index of the contact. Nothing else is told about an invitation.
    for (contact_id, invitation_id) in invitations {
        query("delete from activities where workspace_id = $1 and contact_id = $2 and subject_id = $3")
            .bind(workspace_id)
            .bind(contact_id)
            .bind(invitation_id)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// Gives a contact another picture, or none.
#[boxed]
pub async fn set_picture(tx: &mut Tx, workspace_id: Uuid, contact_id: Uuid, picture: Option<String>) -> Result<()> {
    let now = tx.db().now();
    query("update contacts set picture = $3, updated_at = $4 where workspace_id = $1 and id = $2")
        .bind(workspace_id)
        .bind(contact_id)
        .bind(picture)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}

/// Names a contact's picture by its new place, if it still is at the old one. The contact has not changed by it.
#[boxed]
pub async fn move_picture(tx: &mut Tx, workspace_id: Uuid, contact_id: Uuid, from_to: (&str, String)) -> Result<()> {
    query("update contacts set picture = $4 where workspace_id = $1 and id = $2 and picture = $3")
        .bind(workspace_id)
        .bind(contact_id)
        .bind(from_to.0)
        .bind(from_to.1)
        .execute(tx)
        .await?;
    Ok(())
}

/// Removes contacts, of whom the caller knows that nothing of its own names them any more. Those whom somebody worked
/// with stay: they have a timeline, and perhaps leads, tags and consents.
#[boxed]
pub async fn remove_contacts(tx: &mut Tx, workspace_id: Uuid, ids: Vec<Uuid>) -> Result<()> {
    Bulk::new(
        "delete from contacts where (workspace_id, id) in (select workspace_id, id from {rows}) and not exists
           (select 1 from activities as a where a.workspace_id = contacts.workspace_id and a.contact_id = contacts.id)
           and contacts.imported_by is null",
    )
    .column("id", ids.iter().copied().collect())
    .column("workspace_id", ids.iter().map(|_| workspace_id).collect())
    .execute(tx)
    .await
}
