//! The templates of accounts, as their providers had them when they were last read.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use herald_base::boxed;
use herald_providers::whatsapp::{ApprovalState, ProviderTemplate};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Result;
use herald_db::{Bulk, Db, FromRow, Json, Tx, query};

/// Templates of a workspace that a list shows.
const MOST: usize = 2_000;
/// How old the templates of an account may be before they are read again.
const FRESH: TimeDelta = TimeDelta::hours(20);

/// A template of an account.
#[derive(Clone, Debug, PartialEq, FromRow, Serialize, ToSchema)]
pub struct WhatsappTemplate {
    /// Its id.
    pub id: Uuid,
    /// The account that has it.
    pub connection_id: Uuid,
    /// The provider's id.
    pub provider_id: String,
    /// Its name.
    pub name: String,
    /// Its language, as the provider writes it.
    pub language: String,
    /// How far its approval is. Only an approved one is sent.
    #[sqlx(try_from = "String")]
    pub state: ApprovalState,
    /// What it says, and all that the provider tells of it.
    #[schema(value_type = ProviderTemplate)]
    pub content: Json<ProviderTemplate>,
    /// When it was last in the provider's list.
    pub seen_at: DateTime<Utc>,
    /// When it was first in the list.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// Which templates.
#[derive(Clone, Copy, Debug, Default)]
pub struct WhatsappTemplateFilter {
    /// Those of this account.
    pub connection_id: Option<Uuid>,
    /// Those in this state.
    pub state: Option<ApprovalState>,
}

/// What reading the templates of an account came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Synchronised {
    /// Those that the provider has.
    pub found: usize,
    /// Those of them that are new or have changed.
    pub changed: usize,
    /// Those that the provider does not have any more.
    pub gone: usize,
}

const COLUMNS: &str = "id, connection_id, provider_id, name, language, state, content, seen_at, created_at, updated_at";

/// The templates of a workspace in the order of their names.
#[boxed]
pub async fn list_whatsapp_templates(
    db: &Db,
    workspace_id: Uuid,
    filter: WhatsappTemplateFilter,
) -> Result<Vec<WhatsappTemplate>> {
    let mut sql = format!("select {COLUMNS} from whatsapp_templates where workspace_id = $1");
    if filter.connection_id.is_some() {
        sql.push_str(" and connection_id = $3");
    }
    if filter.state.is_some() {
        sql.push_str(if filter.connection_id.is_some() { " and state = $4" } else { " and state = $3" });
    }
    sql.push_str(" order by name, language, id limit $2");
    let mut asked = query(&sql).bind(workspace_id).bind(i64::try_from(MOST).unwrap_or(i64::MAX));
    if let Some(id) = filter.connection_id {
        asked = asked.bind(id);
    }
    if let Some(state) = filter.state {
        asked = asked.bind(state.as_str());
    }
    Ok(asked.all(db).await?)
}

/// A template of a workspace.
#[boxed]
pub async fn find_whatsapp_template(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<WhatsappTemplate>> {
    let sql = format!("select {COLUMNS} from whatsapp_templates where workspace_id = $1 and id = $2");
    Ok(query(&sql).bind(workspace_id).bind(id).optional(db).await?)
}

/// Writes down what templates an account has now. Those that it has no more stay, as deleted ones: campaigns name them.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn synchronise_whatsapp_templates(
    tx: &mut Tx,
    workspace_id: Uuid,
    connection_id: Uuid,
    found: Vec<ProviderTemplate>,
) -> Result<Synchronised> {
    let now = tx.db().now();
    let sql = format!("select {COLUMNS} from whatsapp_templates where workspace_id = $1 and connection_id = $2");
    let known: Vec<WhatsappTemplate> = query(&sql).bind(workspace_id).bind(connection_id).all(&mut *tx).await?;
    let by_id: BTreeMap<&str, &WhatsappTemplate> = known.iter().map(|one| (one.provider_id.as_str(), one)).collect();
    // A list that was read over several pages may name one twice.
    let found: BTreeMap<String, ProviderTemplate> =
        found.into_iter().map(|one| (one.provider_id.clone(), one)).collect();
    let is_changed =
        |one: &ProviderTemplate| by_id.get(one.provider_id.as_str()).is_none_or(|old| old.content.0 != *one);
    let done = Synchronised {
        found: found.len(),
        changed: found.values().filter(|one| is_changed(one)).count(),
        gone: known
            .iter()
            .filter(|one| !found.contains_key(&one.provider_id) && one.state != ApprovalState::Deleted)
            .count(),
    };
    let gone: BTreeSet<Uuid> =
        known.iter().filter(|one| !found.contains_key(&one.provider_id)).map(|one| one.id).collect();
    let rows: Vec<&ProviderTemplate> = found.values().collect();
    let changed_at = |one: &ProviderTemplate| match by_id.get(one.provider_id.as_str()) {
        Some(old) if !is_changed(one) => old.updated_at,
        _ => now,
    };
    let ids: Vec<Uuid> = rows.iter().map(|_| tx.db().new_id()).collect();
    Bulk::new(
        "insert into whatsapp_templates (id, workspace_id, connection_id, provider_id, name, language, state, content,
           seen_at, created_at, updated_at)
         select id, workspace_id, connection_id, provider_id, name, language, state, content, at, at, changed_at
         from {rows} where true
         on conflict (workspace_id, connection_id, provider_id) do update set name = excluded.name,
           language = excluded.language, state = excluded.state, content = excluded.content,
           seen_at = excluded.seen_at, updated_at = excluded.updated_at",
    )
    .column("id", ids.into_iter().collect())
    .column("workspace_id", rows.iter().map(|_| workspace_id).collect())
    .column("connection_id", rows.iter().map(|_| connection_id).collect())
    .column("provider_id", rows.iter().map(|one| one.provider_id.clone()).collect())
    .column("name", rows.iter().map(|one| one.name.clone()).collect())
    .column("language", rows.iter().map(|one| one.language.clone()).collect())
    .column("state", rows.iter().map(|one| one.state.as_str().to_owned()).collect())
    .column("content", rows.iter().map(|one| json!(one)).collect())
    .column("at", rows.iter().map(|_| now).collect())
    .column("changed_at", rows.iter().map(|one| changed_at(one)).collect())
    .execute(&mut *tx)
    .await?;
    Bulk::new(
        "update whatsapp_templates set state = 'deleted', updated_at = rows.at from {rows}
         where whatsapp_templates.workspace_id = rows.workspace_id and whatsapp_templates.id = rows.id
           and whatsapp_templates.state <> 'deleted'",
    )
    .column("id", gone.iter().copied().collect())
    .column("workspace_id", gone.iter().map(|_| workspace_id).collect())
    .column("at", gone.iter().map(|_| now).collect())
    .execute(tx)
    .await?;
    Ok(done)
}

/// Accounts whose templates have not been read for most of a day: the workspace and the connection of each, at most
/// `limit`.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn stale_whatsapp_accounts(db: &Db, limit: usize) -> Result<Vec<(Uuid, Uuid)>> {
    Ok(query(
        "select c.workspace_id, c.id from connections as c
         where c.provider in ('twilio', 'meta') and c.state = 'ok' and c.updated_at < $1
           and not exists (select 1 from whatsapp_templates as t where t.connection_id = c.id and t.seen_at > $1)
         order by c.id limit $2",
    )
    .bind(db.now() - FRESH)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .all(db)
    .await?)
}
