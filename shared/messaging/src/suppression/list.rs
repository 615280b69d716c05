//! The list of suppressions.

use herald_base::boxed;
use uuid::Uuid;

use super::{Channel, Result, Suppression, SuppressionReason, suppression_row};
use herald_db::{Db, Query, Tx, Value, query};

/// Which suppressions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SuppressionFilter {
    /// Those of this channel.
    pub channel: Option<Channel>,
    /// Those for this reason.
    pub reason: Option<SuppressionReason>,
    /// Those of this contact.
    pub contact_id: Option<Uuid>,
    /// Those that were lifted, too.
    pub lifted: bool,
}

/// A suppression of a workspace.
#[boxed]
pub async fn find_suppression(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<Suppression>> {
    let sql = concat!("select ", suppression_row!(), " from suppressions as s where s.workspace_id = $1 and s.id = $2");
    Ok(query(sql).bind(workspace_id).bind(id).optional(db).await?)
}

/// The suppressions of a workspace, the newest first, at most `limit`, from before the suppression `before`.
#[boxed]
pub async fn list_suppressions(
    db: &Db,
    workspace_id: Uuid,
    filter: SuppressionFilter,
    before: Option<Uuid>,
    limit: usize,
) -> Result<Vec<Suppression>> {
    let mut sql =
        concat!("select ", suppression_row!(), " from suppressions as s where s.workspace_id = $1").to_owned();
    let mut values: Vec<Value> = vec![workspace_id.into()];
    let mut and = |condition: &str, value: Value| {
        values.push(value);
        sql.push_str(&format!(" and {condition} ${}", values.len()));
    };
    if let Some(channel) = filter.channel {
        and("s.channel =", channel.as_str().into());
    }
    if let Some(reason) = filter.reason {
        and("s.reason =", reason.as_str().into());
    }
    if let Some(contact) = filter.contact_id {
        and("s.contact_id =", contact.into());
    }
    if let Some(before) = before {
        and("s.id <", before.into());
    }
    if !filter.lifted {
        sql.push_str(" and s.lifted_at is null");
    }
    values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
    sql.push_str(&format!(" order by s.id desc limit ${}", values.len()));
    Ok(values.into_iter().fold(query(&sql).once(), Query::bind).all(db).await?)
}

/// The suppressions of a contact, also those that were lifted.
pub(crate) async fn of_contact(
    tx: &mut Tx,
    workspace_id: Uuid,
    contact_id: Uuid,
) -> herald_db::Result<Vec<Suppression>> {
    let sql = concat!(
        "select ",
        suppression_row!(),
        " from suppressions as s where s.workspace_id = $1 and s.contact_id = $2 order by s.id"
    );
    query(sql).bind(workspace_id).bind(contact_id).all(tx).await
}

/// Keeps the suppressions of a contact without the person.
pub(crate) async fn forget_person(tx: &mut Tx, workspace_id: Uuid, contact_id: Uuid) -> herald_db::Result<()> {
    query(
        "update suppressions set contact_id = null, consent_id = null, note = null, lifted_why = null
         where workspace_id = $1 and contact_id = $2",
    )
    .bind(workspace_id)
    .bind(contact_id)
    .execute(tx)
    .await?;
    Ok(())
}
