//! Notes that people write on a lead.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use herald_contacts::{NewActivity, record_activities};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{LeadError, Result, edit::locked};
use herald_db::{Db, FromRow, query};
use herald_ledger::audit::{self, Actor, Entry};

const LONGEST: usize = 5_000;

/// A note.
#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
pub struct LeadNote {
    /// Its id.
    pub id: Uuid,
    /// What it says.
    pub text: String,
    /// Who wrote it.
    pub who: String,
    /// When it was written.
    pub at: DateTime<Utc>,
}

/// What a note can say.
pub(crate) fn checked(text: &str) -> Result<String> {
    let text = text.trim();
    let long = text.chars().count();
    if text.is_empty() || long > LONGEST {
        return Err(LeadError::field("text", format!("the note has {long} characters: use 1 to {LONGEST}")));
    }
    Ok(text.to_owned())
}

/// Adds a note. `None`: there is no such lead.
///
/// # Errors
/// [`LeadError::Field`].
#[boxed]
pub async fn add_lead_note(db: &Db, actor: &Actor, lead_id: Uuid, text: &str) -> Result<Option<LeadNote>> {
    let text = checked(text)?;
    let mut tx = db.begin().await?;
    let Some(lead) = locked(&mut tx, actor.workspace_id, lead_id).await? else { return Ok(None) };
    let note = LeadNote { id: tx.db().new_id(), text: text.clone(), who: actor.who.clone(), at: tx.db().now() };
    query("insert into lead_notes (id, workspace_id, lead_id, text, who, at) values ($1, $2, $3, $4, $5, $6)")
        .bind(note.id)
        .bind(actor.workspace_id)
        .bind(lead_id)
        .bind(text.as_str())
        .bind(actor.who.as_str())
        .bind(note.at)
        .execute(&mut tx)
        .await?;
    query(
        "update leads set first_answer_at = coalesce(first_answer_at, $3), updated_at = $3, version = version + 1
         where workspace_id = $1 and id = $2",
    )
    .bind(actor.workspace_id)
    .bind(lead_id)
    .bind(note.at)
    .execute(&mut tx)
    .await?;
    let activity =
        NewActivity::of(lead.contact_id, "lead.note", &actor.who).about(lead_id).with(json!({ "text": text }));
    record_activities(&mut tx, actor.workspace_id, vec![activity]).await?;
    audit::record(&mut tx, actor, Entry::of("lead.note", lead_id)).await?;
    tx.commit().await?;
    Ok(Some(note))
}

/// The notes of a lead, the newest first.
#[boxed]
pub async fn list_lead_notes(db: &Db, workspace_id: Uuid, lead_id: Uuid) -> Result<Vec<LeadNote>> {
    let rows =
        query("select id, text, who, at from lead_notes where workspace_id = $1 and lead_id = $2 order by id desc");
    Ok(rows.bind(workspace_id).bind(lead_id).all(db).await?)
}
