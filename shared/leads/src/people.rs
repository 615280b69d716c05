//! The people around leads, as an exported list names them.

use std::collections::{BTreeSet, HashMap};

use herald_base::boxed;
use uuid::Uuid;

use super::{Lead, Result};
use herald_db::{Bulk, Db};

/// The people around leads.
#[derive(Clone, Debug, Default)]
pub struct LeadPeople {
    /// By member: the e-mail address.
    pub owners: HashMap<Uuid, String>,
    /// By contact: the id in the system that the contact comes from.
    pub external_ids: HashMap<Uuid, String>,
}

/// Reads the people around leads. A member who has left the workspace is not among them.
///
/// # Errors
/// [`LeadError::Db`](crate::LeadError::Db).
#[boxed]
pub async fn people_of_leads(db: &Db, workspace_id: Uuid, leads: &[Lead]) -> Result<LeadPeople> {
    let mut tx = db.begin().await?;
    let of_ids = |sql: &'static str, ids: BTreeSet<Uuid>| {
        Bulk::new(sql)
            .column("workspace_id", ids.iter().map(|_| workspace_id).collect())
            .column("id", ids.into_iter().collect())
    };
    let owners: Vec<(Uuid, String)> = of_ids(
        "select u.id, u.email from {rows} join members as m on m.workspace_id = rows.workspace_id
           and m.user_id = rows.id join users as u on u.id = m.user_id
         where m.workspace_id = rows.workspace_id",
        leads.iter().filter_map(|lead| lead.owner_id).collect(),
    )
    .all(&mut tx)
    .await?;
    let external_ids: Vec<(Uuid, String)> = of_ids(
        "select c.id, c.external_id from {rows} join contacts as c on c.workspace_id = rows.workspace_id
           and c.id = rows.id
         where c.workspace_id = rows.workspace_id and c.external_id is not null",
        leads.iter().map(|lead| lead.contact_id).collect(),
    )
    .all(&mut tx)
    .await?;
    Ok(LeadPeople { owners: owners.into_iter().collect(), external_ids: external_ids.into_iter().collect() })
}
