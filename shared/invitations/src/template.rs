//! Templates as stored: their manifest, their files' places, and their version.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::Serialize;
use uuid::Uuid;

use herald_db::{Db, FromRow, Json, Result, Tx, query};

/// A template to be stored. Its files are already in the file store.
#[derive(Clone, Debug)]
pub struct NewTemplate {
    /// The name of the template.
    pub name: String,
    /// The SHA-256 of the manifest and files, in hex.
    pub version: String,
    /// `template.toml`.
    pub manifest: String,
    /// Where each file is: name → key in the file store.
    pub files: BTreeMap<String, String>,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// The actor who stores it, as the audit log names them.
    pub made_by: Option<String>,
}

/// A stored version of a template.
#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
#[schema(as = Template)]
pub struct TemplateRow {
    /// The id of the template.
    pub id: Uuid,
    /// Whose it is.
    #[serde(skip)]
    pub workspace_id: Uuid,
    /// The name of the template.
    pub name: String,
    /// The SHA-256 of the manifest and files, in hex.
    pub version: String,
    /// `template.toml`.
    #[serde(skip)]
    pub manifest: String,
    /// Where each file is: name → key in the file store.
    #[serde(skip)]
    pub files: Json<BTreeMap<String, String>>,
    /// Pixels.
    pub width: i64,
    /// Pixels.
    pub height: i64,
    /// When the template was stored.
    pub created_at: DateTime<Utc>,
}

/// Stores a version of a template; the same version again is the same row.
#[boxed]
pub async fn save_template(tx: &mut Tx, workspace_id: Uuid, new: &NewTemplate) -> Result<TemplateRow> {
    query(
        "insert into templates (id, workspace_id, name, version, manifest, files, width, height, created_at, made_by)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (workspace_id, name, version) do nothing",
    )
    .bind(tx.db().new_id())
    .bind(workspace_id)
    .bind(new.name.as_str())
    .bind(new.version.as_str())
    .bind(new.manifest.as_str())
    .bind(serde_json::to_value(&new.files).expect("names and keys are text"))
    .bind(new.width)
    .bind(new.height)
    .bind(tx.db().now())
    .bind(new.made_by.as_deref())
    .execute(tx)
    .await?;
    query(
        "select id, workspace_id, name, version, manifest, files, width, height, created_at from templates
         where workspace_id = $1 and name = $2 and version = $3",
    )
    .bind(workspace_id)
    .bind(new.name.as_str())
    .bind(new.version.as_str())
    .one(tx)
    .await
}

/// A template of a workspace.
#[boxed]
pub async fn find_template(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<TemplateRow>> {
    query(
        "select id, workspace_id, name, version, manifest, files, width, height, created_at from templates \
        where workspace_id = $1 and id = $2",
    )
    .bind(workspace_id)
    .bind(id)
    .optional(db)
    .await
}

/// The current version of the template of that name: the one that was stored or chosen last.
#[boxed]
pub async fn template_named(db: &Db, workspace_id: Uuid, name: &str) -> Result<Option<TemplateRow>> {
    query(
        "select id, workspace_id, name, version, manifest, files, width, height, created_at from templates
         where workspace_id = $1 and name = $2 order by coalesce(chosen_at, created_at) desc, id desc limit 1",
    )
    .bind(workspace_id)
    .bind(name)
    .optional(db)
    .await
}

/// A workspace's templates, newest first, at most `limit`, only those older than `before`, and with `only_current` of
/// each name only the current version.
#[boxed]
pub async fn list_templates(
    db: &Db,
    workspace_id: Uuid,
    only_current: bool,
    before: Option<Uuid>,
    limit: usize,
) -> Result<Vec<TemplateRow>> {
    query(
        "select t.id, t.workspace_id, t.name, t.version, t.manifest, t.files, t.width, t.height, t.created_at
         from templates as t
         where t.workspace_id = $1 and ($2 is null or t.id < $2) and (not $4 or not exists (
             select 1 from templates as n where n.workspace_id = $1 and n.name = t.name
               and (coalesce(n.chosen_at, n.created_at) > coalesce(t.chosen_at, t.created_at)
                 or (coalesce(n.chosen_at, n.created_at) = coalesce(t.chosen_at, t.created_at) and n.id > t.id))))
         order by t.id desc limit $3",
    )
    .bind(workspace_id)
    .bind(before)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .bind(only_current)
    .all(db)
    .await
}
