//! Whether a workspace has what an argument names.

use std::collections::HashSet;

use uuid::Uuid;

use herald_db::{Bulk, Result, Tx};

/// What an id can name. Each domain says which things are its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Thing {
    /// Its name for people.
    pub name: &'static str,
    table: &'static str,
}

impl Thing {
    /// A thing that has a table with `workspace_id` and `id`.
    pub const fn new(name: &'static str, table: &'static str) -> Self {
        Self { name, table }
    }
}

/// A batch of jobs.
pub const BATCH: Thing = Thing::new("batch", "batches");

/// Which of these ids the workspace has a thing of: one statement for a thousand of them.
pub(super) async fn those_there(
    tx: &mut Tx,
    workspace_id: Uuid,
    thing: Thing,
    ids: &HashSet<Uuid>,
) -> Result<HashSet<Uuid>> {
    let sql = format!(
        "select t.id from {{rows}} join {} as t on t.id = rows.id where t.workspace_id = rows.workspace_id",
        thing.table
    );
    let found: Vec<(Uuid,)> = Bulk::new(sql)
        .column("id", ids.iter().copied().collect())
        .column("workspace_id", ids.iter().map(|_| workspace_id).collect())
        .all(tx)
        .await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}
