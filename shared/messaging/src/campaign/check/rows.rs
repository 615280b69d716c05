//! The contacts with a fault.

use herald_base::boxed;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Result;
use herald_db::{Db, FromRow, query};

/// A contact whose message has a fault.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct FaultyContact {
    /// The contact.
    pub contact_id: Uuid,
    /// Their name.
    pub name: String,
    /// Their e-mail address.
    pub email: Option<String>,
    /// What is wrong, in a sentence.
    pub detail: String,
}

/// The contacts with a fault of a kind, at most `limit`, behind the contact `after`.
#[boxed]
pub async fn faulty_contacts(
    db: &Db,
    workspace_id: Uuid,
    campaign_id: Uuid,
    (cause, field): (&str, &str),
    (after, limit): (Option<Uuid>, usize),
) -> Result<Vec<FaultyContact>> {
    Ok(query(
        "select f.contact_id, c.name, c.email, f.detail from campaign_faults as f
         join contacts as c on c.workspace_id = f.workspace_id and c.id = f.contact_id
         where f.workspace_id = $1 and f.campaign_id = $2 and f.cause = $3 and f.field = $4 and f.contact_id > $5
         order by f.contact_id limit $6",
    )
    .bind(workspace_id)
    .bind(campaign_id)
    .bind(cause)
    .bind(field)
    .bind(after.unwrap_or_else(Uuid::nil))
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .all(db)
    .await?)
}
