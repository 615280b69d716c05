//! Whether a workspace has what an argument names.

use uuid::Uuid;

use herald_db::{Result, Target, query};

/// What an id can name. Each domain says which things are its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Whether the workspace has a thing of this id.
pub async fn is_there(on: impl Into<Target<'_>>, workspace_id: Uuid, thing: Thing, id: Uuid) -> Result<bool> {
    let found: Option<(Uuid,)> = query(&format!("select id from {} where workspace_id = $1 and id = $2", thing.table))
        .bind(workspace_id)
        .bind(id)
        .optional(on)
        .await?;
    Ok(found.is_some())
}
