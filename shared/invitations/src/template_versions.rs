//! The versions of a template: all that were stored under one name. Versions never change, so a run keeps the one that
//! it began with. One version of a name is the current one, which the next run gets.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::Serialize;
use uuid::Uuid;

use super::template::{TemplateRow, find_template};
use herald_db::{Db, FromRow, Result, Tx, query};
use herald_ledger::audit::{self, Actor, Entry};

/// A version of a template in the list of its versions.
#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
pub struct TemplateVersion {
    /// The id of the version, which a run can name.
    pub id: Uuid,
    /// The position among all versions of the name, counted from 1.
    pub number: i64,
    /// The SHA-256 of the manifest and files, in hex.
    pub version: String,
    /// Pixels.
    pub width: i64,
    /// Pixels.
    pub height: i64,
    /// When the version was stored.
    pub created_at: DateTime<Utc>,
    /// The actor who stored it, as in the audit log; null if that is not known.
    pub made_by: Option<String>,
    /// When it was last made the current version again.
    pub chosen_at: Option<DateTime<Utc>>,
    /// The actor who did that.
    pub chosen_by: Option<String>,
    /// The number of runs that draw this version.
    pub runs: i64,
    /// Whether a run that names the template gets this version.
    pub is_current: bool,
}

/// The versions of the name, newest first, at most `limit`, only those older than `before`.
#[boxed]
pub async fn template_versions(
    db: &Db,
    workspace_id: Uuid,
    name: &str,
    before: Option<Uuid>,
    limit: usize,
) -> Result<Vec<TemplateVersion>> {
    query(
        "select t.id, t.version, t.width, t.height, t.created_at, t.made_by, t.chosen_at, t.chosen_by,
                (select count(*) from templates as o where o.workspace_id = $1 and o.name = $2 and o.id <= t.id)
                    as number,
                (select count(*) from invitation_runs as r where r.workspace_id = $1 and r.template_id = t.id) as runs,
                not exists (select 1 from templates as n where n.workspace_id = $1 and n.name = $2
                    and (coalesce(n.chosen_at, n.created_at) > coalesce(t.chosen_at, t.created_at)
                      or (coalesce(n.chosen_at, n.created_at) = coalesce(t.chosen_at, t.created_at) and n.id > t.id)))
                    as is_current
         from templates as t
         where t.workspace_id = $1 and t.name = $2 and ($3 is null or t.id < $3) order by t.id desc limit $4",
    )
    .bind(workspace_id)
    .bind(name)
    .bind(before)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .all(db)
    .await
}

/// Makes a version the current one of its name again; `None` if the workspace has no such version.
#[boxed]
pub async fn choose_template(db: &Db, by: &Actor, id: Uuid) -> Result<Option<TemplateRow>> {
    let Some(row) = find_template(db, by.workspace_id, id).await? else { return Ok(None) };
    let mut tx = db.begin().await?;
    choose(&mut tx, by, &row).await?;
    let detail = serde_json::json!({ "name": row.name, "version": row.version });
    audit::record(&mut tx, by, Entry::of("template.restore", id).with(detail)).await?;
    tx.commit().await?;
    Ok(Some(row))
}

/// Makes a version the current one, if it is not.
pub(super) async fn choose(tx: &mut Tx, by: &Actor, row: &TemplateRow) -> Result<()> {
    if current_id(tx, by.workspace_id, &row.name).await? == Some(row.id) {
        return Ok(());
    }
    query("update templates set chosen_at = $1, chosen_by = $2 where workspace_id = $3 and id = $4")
        .bind(tx.db().now())
        .bind(by.who.as_str())
        .bind(by.workspace_id)
        .bind(row.id)
        .execute(tx)
        .await?;
    Ok(())
}

/// The current version of a name. Of two transactions that ask after [`hold`], the second one sees what the first
/// one made current.
pub(super) async fn current_id(tx: &mut Tx, workspace_id: Uuid, name: &str) -> Result<Option<Uuid>> {
    let found: Option<(Uuid,)> = query(
        "select id from templates where workspace_id = $1 and name = $2
         order by coalesce(chosen_at, created_at) desc, id desc limit 1",
    )
    .bind(workspace_id)
    .bind(name)
    .optional(tx)
    .await?;
    Ok(found.map(|(id,)| id))
}

/// Lets other changes of templates in this workspace wait for the end of the transaction.
pub(super) async fn hold(tx: &mut Tx, workspace_id: Uuid) -> Result<()> {
    query("update workspaces set name = name where id = $1").bind(workspace_id).execute(tx).await.map(drop)
}
