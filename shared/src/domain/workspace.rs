//! Workspaces: everything belongs to one.

use uuid::Uuid;

use crate::db::{Db, Result, query};

/// The slug of the workspace that is made on first start.
pub const DEFAULT_WORKSPACE: &str = "default";

/// The id of the default workspace, made if it is missing.
pub async fn ensure_default_workspace(db: &Db) -> Result<Uuid> {
    let mut tx = db.begin().await?;
    query("insert into workspaces (id, slug, name, created_at) values ($1, $2, $3, $4) on conflict (slug) do nothing")
        .bind(db.new_id())
        .bind(DEFAULT_WORKSPACE)
        .bind("Default workspace")
        .bind(db.now())
        .execute(&mut tx)
        .await?;
    let (id,): (Uuid,) =
        query("select id from workspaces where slug = $1").bind(DEFAULT_WORKSPACE).one(&mut tx).await?;
    tx.commit().await?;
    Ok(id)
}
