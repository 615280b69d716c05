//! A lead: what a contact may become a customer for.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::Serialize;
use uuid::Uuid;

use super::{Outcome, Result};
use herald_db::{Db, FromRow, Target, query};

/// A lead with its contact and status.
#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
pub struct Lead {
    /// Its id.
    pub id: Uuid,
    /// The contact.
    pub contact_id: Uuid,
    /// The name of the contact.
    pub name: String,
    /// The e-mail address of the contact.
    pub email: Option<String>,
    /// The phone number of the contact.
    pub phone: Option<String>,
    /// What the person wants.
    pub need: String,
    /// The status, in the workspace's words.
    pub status: String,
    /// What the status counts as.
    #[sqlx(try_from = "String")]
    pub stands_for: Outcome,
    /// What it is worth, in the smallest unit of the currency.
    pub value_minor: Option<i64>,
    /// The currency (ISO 4217).
    pub currency: Option<String>,
    /// Where it came from.
    pub source: Option<String>,
    /// The member who looks after it.
    pub owner_id: Option<Uuid>,
    /// When somebody speaks with the person next.
    pub follow_up_at: Option<DateTime<Utc>>,
    /// The time zone in which that time was chosen.
    pub follow_up_zone: Option<String>,
    /// The number of other open leads of the same person with the same need.
    pub duplicates: i64,
    /// When somebody of the workspace first did something about it.
    pub first_answer_at: Option<DateTime<Utc>>,
    /// When it was won or lost.
    pub closed_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A lead's row: what the statements below `select` of the tables `l`, `c` and `s`.
macro_rules! lead_row {
    () => {
        "l.id, l.contact_id, c.name, c.email, c.phone, l.need, s.name as status, s.stands_for, l.value_minor,
         l.currency, l.source, l.owner_id, l.follow_up_at, l.follow_up_zone, l.first_answer_at, l.closed_at,
         l.created_at, l.updated_at,
         (select count(*) from leads as o join lead_statuses as os on os.id = o.status_id
          where o.workspace_id = l.workspace_id and os.workspace_id = l.workspace_id and o.contact_id = l.contact_id
            and o.need_key = l.need_key and o.id <> l.id and os.stands_for = 'open') as duplicates"
    };
}
/// The tables of a lead's row.
macro_rules! lead_tables {
    () => {
        "leads as l join contacts as c on c.workspace_id = l.workspace_id and c.id = l.contact_id
         join lead_statuses as s on s.workspace_id = l.workspace_id and s.id = l.status_id"
    };
}
pub(crate) use {lead_row, lead_tables};

/// A lead of a workspace.
#[boxed]
pub async fn find_lead(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<Lead>> {
    find(db.into(), workspace_id, id).await
}

pub(crate) async fn find(on: Target<'_>, workspace_id: Uuid, id: Uuid) -> Result<Option<Lead>> {
    let found =
        query(concat!("select ", lead_row!(), " from ", lead_tables!(), " where l.workspace_id = $1 and l.id = $2"));
    Ok(found.bind(workspace_id).bind(id).optional(on).await?)
}
