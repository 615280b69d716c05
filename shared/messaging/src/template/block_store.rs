//! The blocks of a workspace.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Block, block::is_name, rules};
use crate::{MessagingError, Result};
use herald_db::{Db, DbError, FromRow, Json, query};
use herald_ledger::audit::{self, Actor, Entry};

/// Blocks of a workspace.
const MOST: usize = 200;

/// A block that templates of messages share.
#[derive(Clone, Debug, PartialEq, FromRow, Serialize, ToSchema)]
pub struct MessageBlock {
    /// Its id.
    pub id: Uuid,
    /// Its name, as templates write it: `{{> name }}`.
    pub name: String,
    /// What it says.
    #[schema(value_type = Block)]
    pub content: Json<Block>,
    /// The actor who changed it last, as in the audit log.
    pub changed_by: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

const COLUMNS: &str = "id, name, content, changed_by, created_at, updated_at";

/// The blocks of a workspace in the order of their names.
#[boxed]
pub async fn list_message_blocks(db: &Db, workspace_id: Uuid) -> Result<Vec<MessageBlock>> {
    let sql = format!("select {COLUMNS} from message_blocks where workspace_id = $1 order by name");
    Ok(query(&sql).bind(workspace_id).all(db).await?)
}

/// What the blocks of a workspace say, by their names.
#[boxed]
pub async fn message_blocks(db: &Db, workspace_id: Uuid) -> Result<BTreeMap<String, Block>> {
    let blocks = list_message_blocks(db, workspace_id).await?;
    Ok(blocks.into_iter().map(|block| (block.name, block.content.0)).collect())
}

/// A block of a workspace.
#[boxed]
pub async fn find_message_block(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<MessageBlock>> {
    let sql = format!("select {COLUMNS} from message_blocks where workspace_id = $1 and id = $2");
    Ok(query(&sql).bind(workspace_id).bind(id).optional(db).await?)
}

/// Makes a block.
///
/// # Errors
/// [`MessagingError::Field`], [`MessagingError::NameTaken`], [`MessagingError::WrongState`].
#[boxed]
pub async fn create_message_block(db: &Db, actor: &Actor, name: &str, content: Block) -> Result<MessageBlock> {
    usable(name)?;
    rules::storable_block(&content)?;
    if list_message_blocks(db, actor.workspace_id).await?.len() >= MOST {
        let detail = format!("the workspace has {MOST} blocks: delete one it does not use");
        return Err(MessagingError::WrongState(detail));
    }
    let mut tx = db.begin().await?;
    let now = tx.db().now();
    let block = MessageBlock {
        id: tx.db().new_id(),
        name: name.to_owned(),
        content: Json(content),
        changed_by: actor.who.clone(),
        created_at: now,
        updated_at: now,
    };
    query(
        "insert into message_blocks (id, workspace_id, name, content, changed_by, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $6)",
    )
    .bind(block.id)
    .bind(actor.workspace_id)
    .bind(name)
    .bind(json!(block.content.0))
    .bind(actor.who.as_str())
    .bind(now)
    .execute(&mut tx)
    .await
    .map_err(|error| taken(error, name))?;
    audit::record(&mut tx, actor, Entry::of("message_block.create", block.id).with(json!({ "name": name }))).await?;
    tx.commit().await?;
    Ok(block)
}

/// Changes what a block says. The caller knows it in the state `seen`. Every template that uses it says so from now on.
/// Its name stays: templates write it.
///
/// # Errors
/// [`MessagingError::Field`], [`MessagingError::Changed`].
#[boxed]
pub async fn change_message_block(db: &Db, actor: &Actor, seen: &MessageBlock, content: Block) -> Result<MessageBlock> {
    rules::storable_block(&content)?;
    if content == seen.content.0 {
        return Ok(seen.clone());
    }
    let mut tx = db.begin().await?;
    let mut block = seen.clone();
    block.content = Json(content);
    block.updated_at = tx.db().now();
    block.changed_by.clone_from(&actor.who);
    let changed = query(
        "update message_blocks set content = $3, changed_by = $4, updated_at = $5
         where workspace_id = $1 and id = $2 and updated_at = $6",
    )
    .bind(actor.workspace_id)
    .bind(block.id)
    .bind(json!(block.content.0))
    .bind(actor.who.as_str())
    .bind(block.updated_at)
    .bind(seen.updated_at)
    .execute(&mut tx)
    .await?;
    if changed == 0 {
        return Err(MessagingError::Changed);
    }
    let detail = json!({ "name": block.name });
    audit::record(&mut tx, actor, Entry::of("message_block.change", block.id).with(detail)).await?;
    tx.commit().await?;
    Ok(block)
}

/// Deletes a block. False: there is none.
///
/// # Errors
/// [`MessagingError::WrongState`] names a template that uses it.
#[boxed]
pub async fn remove_message_block(db: &Db, actor: &Actor, id: Uuid) -> Result<bool> {
    let mut tx = db.begin().await?;
    let found: Option<(String,)> = query("select name from message_blocks where workspace_id = $1 and id = $2")
        .bind(actor.workspace_id)
        .bind(id)
        .optional(&mut tx)
        .await?;
    let Some((name,)) = found else { return Ok(false) };
    let templates: Vec<(String, Json<Vec<String>>)> =
        query("select name, blocks from message_templates where workspace_id = $1 order by name_key")
            .bind(actor.workspace_id)
            .all(&mut tx)
            .await?;
    if let Some((user, _)) = templates.iter().find(|(_, blocks)| blocks.0.contains(&name)) {
        let detail = format!("the template {user:?} uses the block {name:?}: take it out there first");
        return Err(MessagingError::WrongState(detail));
    }
    query("delete from message_blocks where workspace_id = $1 and id = $2")
        .bind(actor.workspace_id)
        .bind(id)
        .execute(&mut tx)
        .await?;
    let detail = json!({ "name": name });
    audit::record(&mut tx, actor, Entry::of("message_block.delete", id).with(detail)).await?;
    tx.commit().await?;
    Ok(true)
}

fn usable(name: &str) -> Result<()> {
    if is_name(name) {
        return Ok(());
    }
    let detail = format!(
        "the name {name:?} cannot be used: begin with a small letter, and use small letters, digits and _, at most 50"
    );
    Err(MessagingError::field("name", detail))
}

fn taken(error: DbError, name: &str) -> MessagingError {
    match error.is_unique_violation() {
        true => MessagingError::NameTaken { what: "block", name: name.to_owned() },
        false => error.into(),
    }
}
