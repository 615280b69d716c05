//! Rows that belong to a contact move to the survivor, and back.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::Result;
use crate::{Holder, Move};
use herald_db::{Bulk, Tx, query};

/// The ids of the rows that moved, by their table.
pub(super) type Moved = BTreeMap<String, Vec<Uuid>>;

/// Gives the rows of one contact to another one.
pub(super) async fn move_over(
    tx: &mut Tx,
    workspace_id: Uuid,
    holders: &[Holder],
    (from, to): (Uuid, Uuid),
) -> Result<Moved> {
    let mut moved = Moved::new();
    for one in moves(holders) {
        let sql = format!(
            "update {} set contact_id = $3 where workspace_id = $1 and contact_id = $2{} returning id",
            one.table, one.but
        );
        let ids: Vec<(Uuid,)> = query(&sql).bind(workspace_id).bind(from).bind(to).all(&mut *tx).await?;
        if !ids.is_empty() {
            moved.insert(one.table.to_owned(), ids.into_iter().map(|(id,)| id).collect());
        }
    }
    Ok(moved)
}

/// Gives the rows back that are still there.
pub(super) async fn move_back(
    tx: &mut Tx,
    workspace_id: Uuid,
    holders: &[Holder],
    (from, to): (Uuid, Uuid),
    moved: &Moved,
) -> Result<()> {
    for one in moves(holders) {
        let Some(ids) = moved.get(one.table) else { continue };
        Bulk::new(format!(
            "update {0} set contact_id = rows.to_id from {{rows}}
             where {0}.workspace_id = rows.workspace_id and {0}.id = rows.id and {0}.contact_id = rows.from_id",
            one.table
        ))
        .column("workspace_id", ids.iter().map(|_| workspace_id).collect())
        .column("id", ids.iter().copied().collect())
        .column("from_id", ids.iter().map(|_| from).collect())
        .column("to_id", ids.iter().map(|_| to).collect())
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

fn moves(holders: &[Holder]) -> Vec<&'static Move> {
    holders.iter().flat_map(|holder| holder.moves).collect()
}
