//! The templates of a workspace, and all versions of what they say.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::Serialize;
use serde_json::json;
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{MessageContent, MessageFormat, rules};
use crate::{MessagingError, Result};
use herald_db::{Db, DbError, FromRow, Json, Tx, contains, query};
use herald_ledger::audit::{self, Actor, Entry};

const LONGEST: usize = 100;
/// Templates of a workspace.
const MOST: i64 = 500;
/// Versions of a template.
const MOST_VERSIONS: i64 = 1_000;

/// A template of messages.
#[derive(Clone, Debug, PartialEq, FromRow, Serialize, ToSchema)]
pub struct MessageTemplate {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// The number of its current version, counted from 1.
    pub version: i64,
    /// How its bodies are written.
    #[sqlx(try_from = "String")]
    pub format: MessageFormat,
    /// The language of readers whose own one is missing.
    pub default_language: String,
    /// The languages in which it is written.
    #[schema(value_type = Vec<String>)]
    pub languages: Json<Vec<String>>,
    /// The names of the blocks that it uses.
    #[schema(value_type = Vec<String>)]
    pub blocks: Json<Vec<String>>,
    /// The actor who changed it last, as in the audit log.
    pub changed_by: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A version of a template.
#[derive(Clone, Debug, PartialEq, FromRow, Serialize, ToSchema)]
pub struct MessageTemplateVersion {
    /// Its number, counted from 1.
    pub version: i64,
    /// The actor who made it, as in the audit log.
    pub made_by: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

const COLUMNS: &str = "t.id, t.name, t.version, t.format, t.default_language, t.languages, t.blocks, t.changed_by, \
                       t.created_at, t.updated_at";

/// The templates of a workspace, the newest first, at most `limit`, of those from before `before` whose names contain
/// the text.
#[boxed]
pub async fn list_message_templates(
    db: &Db,
    workspace_id: Uuid,
    text: Option<&str>,
    before: Option<Uuid>,
    limit: usize,
) -> Result<Vec<MessageTemplate>> {
    let pattern = text.map(key).filter(|text| !text.is_empty()).map(|text| contains(&text));
    let sql = format!(
        "select {COLUMNS} from message_templates as t
         where t.workspace_id = $1 and ($2 is null or t.name_key like $2 escape '\\') and ($3 is null or t.id < $3)
         order by t.id desc limit $4"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(query(&sql).bind(workspace_id).bind(pattern).bind(before).bind(limit).all(db).await?)
}

/// A template of a workspace.
#[boxed]
pub async fn find_message_template(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<MessageTemplate>> {
    let sql = format!("select {COLUMNS} from message_templates as t where t.workspace_id = $1 and t.id = $2");
    Ok(query(&sql).bind(workspace_id).bind(id).optional(db).await?)
}

/// What a template says, in a version or now. `None`: there is no such template or version.
#[boxed]
pub async fn message_template_content(
    db: &Db,
    workspace_id: Uuid,
    id: Uuid,
    version: Option<i64>,
) -> Result<Option<MessageContent>> {
    let found: Option<(Json<MessageContent>,)> = query(
        "select v.content from message_templates as t join message_template_versions as v
           on v.workspace_id = t.workspace_id and v.template_id = t.id and v.version = coalesce($3, t.version)
         where t.workspace_id = $1 and t.id = $2",
    )
    .bind(workspace_id)
    .bind(id)
    .bind(version)
    .optional(db)
    .await?;
    Ok(found.map(|(content,)| content.0))
}

/// The versions of a template, the newest first, at most `limit`, of those before `before`.
#[boxed]
pub async fn message_template_versions(
    db: &Db,
    workspace_id: Uuid,
    id: Uuid,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<MessageTemplateVersion>> {
    let versions = query(
        "select version, made_by, created_at from message_template_versions
         where workspace_id = $1 and template_id = $2 and ($3 is null or version < $3) order by version desc limit $4",
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(versions.bind(workspace_id).bind(id).bind(before).bind(limit).all(db).await?)
}

/// Makes a template.
///
/// # Errors
/// [`MessagingError::Field`], [`MessagingError::NameTaken`], [`MessagingError::WrongState`].
#[boxed]
pub async fn create_message_template(
    db: &Db,
    actor: &Actor,
    name: &str,
    content: MessageContent,
) -> Result<MessageTemplate> {
    let name = usable(name)?;
    rules::storable(&content)?;
    let mut tx = db.begin().await?;
    let (there,): (i64,) = query("select count(*) from message_templates where workspace_id = $1")
        .bind(actor.workspace_id)
        .one(&mut tx)
        .await?;
    if there >= MOST {
        let detail = format!("the workspace has {MOST} templates of messages: delete one it does not use");
        return Err(MessagingError::WrongState(detail));
    }
    let now = tx.db().now();
    let template = MessageTemplate {
        id: tx.db().new_id(),
        name,
        version: 1,
        format: content.format,
        default_language: content.default_language.clone(),
        languages: Json(content.languages.keys().cloned().collect()),
        blocks: Json(content.block_names().into_iter().collect()),
        changed_by: actor.who.clone(),
        created_at: now,
        updated_at: now,
    };
    query(
        "insert into message_templates (id, workspace_id, name, name_key, version, format, default_language, languages,
           blocks, changed_by, created_at, updated_at)
         values ($1, $2, $3, $4, 1, $5, $6, $7, $8, $9, $10, $10)",
    )
    .bind(template.id)
    .bind(actor.workspace_id)
    .bind(template.name.as_str())
    .bind(key(&template.name))
    .bind(template.format.as_str())
    .bind(template.default_language.as_str())
    .bind(json!(template.languages.0))
    .bind(json!(template.blocks.0))
    .bind(actor.who.as_str())
    .bind(now)
    .execute(&mut tx)
    .await
    .map_err(|error| taken(error, &template.name))?;
    insert_version(&mut tx, actor, &template, &content).await?;
    let detail = json!({ "name": template.name });
    audit::record(&mut tx, actor, Entry::of("message_template.create", template.id).with(detail)).await?;
    tx.commit().await?;
    Ok(template)
}

/// Changes a template that the caller knows in the state `seen`. Another content becomes a new version.
///
/// # Errors
/// [`MessagingError::Field`], [`MessagingError::NameTaken`], [`MessagingError::Changed`].
#[boxed]
pub async fn change_message_template(
    db: &Db,
    actor: &Actor,
    seen: &MessageTemplate,
    (name, content): (Option<String>, Option<MessageContent>),
) -> Result<MessageTemplate> {
    change(db, actor, seen, (name, content), "message_template.change").await
}

/// Makes what a template said in a version its newest version. `None`: there is no such version.
///
/// # Errors
/// [`MessagingError::Changed`].
#[boxed]
pub async fn restore_message_template(
    db: &Db,
    actor: &Actor,
    seen: &MessageTemplate,
    version: i64,
) -> Result<Option<MessageTemplate>> {
    let Some(content) = message_template_content(db, actor.workspace_id, seen.id, Some(version)).await? else {
        return Ok(None);
    };
    change(db, actor, seen, (None, Some(content)), "message_template.restore").await.map(Some)
}

async fn change(
    db: &Db,
    actor: &Actor,
    seen: &MessageTemplate,
    (name, content): (Option<String>, Option<MessageContent>),
    action: &'static str,
) -> Result<MessageTemplate> {
    let mut template = seen.clone();
    if let Some(name) = &name {
        template.name = usable(name)?;
    }
    let now = message_template_content(db, actor.workspace_id, seen.id, None).await?;
    let content = content.filter(|content| Some(content) != now.as_ref());
    if let Some(content) = &content {
        rules::storable(content)?;
        if seen.version >= MOST_VERSIONS {
            let detail = format!("the template has {MOST_VERSIONS} versions: make a new template of it");
            return Err(MessagingError::WrongState(detail));
        }
        template.version += 1;
        template.format = content.format;
        template.default_language.clone_from(&content.default_language);
        template.languages = Json(content.languages.keys().cloned().collect());
        template.blocks = Json(content.block_names().into_iter().collect());
    }
    if template == *seen {
        return Ok(template);
    }
    let mut tx = db.begin().await?;
    template.updated_at = tx.db().now();
    template.changed_by.clone_from(&actor.who);
    let changed = query(
        "update message_templates set name = $3, name_key = $4, version = $5, format = $6, default_language = $7,
           languages = $8, blocks = $9, changed_by = $10, updated_at = $11
         where workspace_id = $1 and id = $2 and version = $12 and updated_at = $13",
    )
    .bind(actor.workspace_id)
    .bind(template.id)
    .bind(template.name.as_str())
    .bind(key(&template.name))
    .bind(template.version)
    .bind(template.format.as_str())
    .bind(template.default_language.as_str())
    .bind(json!(template.languages.0))
    .bind(json!(template.blocks.0))
    .bind(actor.who.as_str())
    .bind(template.updated_at)
    .bind(seen.version)
    .bind(seen.updated_at)
    .execute(&mut tx)
    .await
    .map_err(|error| taken(error, &template.name))?;
    if changed == 0 {
        return Err(MessagingError::Changed);
    }
    if let Some(content) = &content {
        insert_version(&mut tx, actor, &template, content).await?;
    }
    let detail = json!({ "name": template.name, "version": template.version });
    audit::record(&mut tx, actor, Entry::of(action, template.id).with(detail)).await?;
    tx.commit().await?;
    Ok(template)
}

/// Deletes a template with all its versions. False: there is none.
#[boxed]
pub async fn remove_message_template(db: &Db, actor: &Actor, id: Uuid) -> Result<bool> {
    let mut tx = db.begin().await?;
    query("delete from message_template_versions where workspace_id = $1 and template_id = $2")
        .bind(actor.workspace_id)
        .bind(id)
        .execute(&mut tx)
        .await?;
    let removed = query("delete from message_templates where workspace_id = $1 and id = $2")
        .bind(actor.workspace_id)
        .bind(id)
        .execute(&mut tx)
        .await?;
    if removed == 0 {
        return Ok(false);
    }
    audit::record(&mut tx, actor, Entry::of("message_template.delete", id).affecting(1)).await?;
    tx.commit().await?;
    Ok(true)
}

async fn insert_version(
    tx: &mut Tx,
    actor: &Actor,
    template: &MessageTemplate,
    content: &MessageContent,
) -> Result<()> {
    query(
        "insert into message_template_versions (workspace_id, template_id, version, content, made_by, created_at)
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(actor.workspace_id)
    .bind(template.id)
    .bind(template.version)
    .bind(json!(content))
    .bind(actor.who.as_str())
    .bind(template.updated_at)
    .execute(tx)
    .await?;
    Ok(())
}

fn usable(name: &str) -> Result<String> {
    let name: String = name.split_whitespace().collect::<Vec<_>>().join(" ").nfc().collect();
    if name.is_empty() || name.chars().count() > LONGEST || name.chars().any(char::is_control) {
        let detail = format!("the name {name:?} cannot be used: write 1 to {LONGEST} characters");
        return Err(MessagingError::field("name", detail));
    }
    Ok(name)
}

/// The spelling in which two names are one.
fn key(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase().nfc().collect()
}

fn taken(error: DbError, name: &str) -> MessagingError {
    match error.is_unique_violation() {
        true => MessagingError::NameTaken { what: "template of messages", name: name.to_owned() },
        false => error.into(),
    }
}
