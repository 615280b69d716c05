//! API keys: for programs. A key is shown once; the database keeps its SHA-256.

use std::{fmt, str::FromStr};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{People, PeopleError, Result, Role, token};
use crate::{
    db::{Db, FromRow, Json, Tx, lookup, query},
    ledger::audit::{self, Actor, Entry},
};

/// What every key begins with: secret scanners find it.
pub const PREFIX: &str = "herald_";
/// `last_used_at` is this exact: a key that is used a thousand times a second is written down once a minute.
const EXACT: TimeDelta = TimeDelta::minutes(1);

/// What a key may touch, such as `invitation-runs:write`. Whoever may write may read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope {
    /// The first part of the paths it opens.
    pub area: String,
    /// Whether it may change things.
    pub write: bool,
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let wrong = || format!("{text:?} is no scope: use one such as invitation-runs:read or invitation-runs:write");
        let (area, verb) = text.split_once(':').ok_or_else(wrong)?;
        let write = match verb {
            "read" => false,
            "write" => true,
            _ => return Err(wrong()),
        };
        let fits = |c: char| c.is_ascii_lowercase() || c == '-';
        if area.is_empty() || area.len() > 40 || !area.chars().all(fits) {
            return Err(wrong());
        }
        Ok(Self { area: area.to_owned(), write })
    }
}

impl TryFrom<String> for Scope {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.area, if self.write { "write" } else { "read" })
    }
}

/// A key that was recognised.
#[derive(Clone, Debug, FromRow)]
pub struct Key {
    /// Its id: what the audit log says instead of the key.
    pub id: Uuid,
    /// The workspace it opens.
    pub workspace_id: Uuid,
    /// What it is for.
    pub name: String,
    /// What it may do there.
    #[sqlx(try_from = "String")]
    pub role: Role,
    /// May do what concerns the whole installation.
    pub platform_admin: bool,
    /// What it may touch; everything its role may, if nothing is named.
    pub scopes: Option<Json<Vec<Scope>>>,
    last_used_at: Option<DateTime<Utc>>,
}

/// A key as it is listed.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct SeenKey {
    /// Its id.
    pub id: Uuid,
    /// What it is for.
    pub name: String,
    /// What it may do.
    #[sqlx(try_from = "String")]
    pub role: Role,
    /// May do what concerns the whole installation.
    pub platform_admin: bool,
    /// What it may touch; everything its role may, if nothing is named.
    #[schema(value_type = Option<Vec<String>>, example = json!(["invitation-runs:write"]))]
    pub scopes: Option<Json<Vec<Scope>>>,
    /// Who made it.
    pub created_by: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Until when it opens anything.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was taken back.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A key to be made.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What it is for, 1 to 100 characters.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// May do what concerns the whole installation.
    pub platform_admin: bool,
    /// What it may touch; everything its role may, if nothing is named.
    pub scopes: Option<Vec<Scope>>,
    /// Until when it opens anything.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A key that was just made: the only time it is shown.
#[derive(Clone, Serialize, ToSchema)]
pub struct ApiKey {
    /// The key.
    pub key: String,
    /// What is known of it.
    #[serde(flatten)]
    pub seen: SeenKey,
}

const SEEN: &str =
    "id, name, role, platform_admin, scopes, created_by, created_at, expires_at, last_used_at, revoked_at";

/// The key of these letters, if it opens anything. Notes that it was used.
///
/// # Errors
/// When the database refuses.
pub async fn check_key(db: &Db, key: &str) -> Result<Option<Key>> {
    let now = db.now();
    let found: Option<Key> = lookup(
        "select rows.nth, id, workspace_id, name, role, platform_admin, scopes, last_used_at
         from {rows} join api_tokens on token_hash = rows.hash
         where revoked_at is null and (expires_at is null or expires_at > rows.now)",
    )
    .by("hash", token::hash(key))
    .by("now", now)
    .optional(db)
    .await?;
    if let Some(key) = found.as_ref().filter(|key| key.last_used_at.is_none_or(|at| now - at >= EXACT)) {
        // A full disk must not close the service to who only looks.
        if let Err(error) = note_use(db, key.id).await {
            tracing::warn!(%error, key = %key.id, "the use of a key could not be noted");
        }
    }
    Ok(found)
}

async fn note_use(db: &Db, id: Uuid) -> Result<()> {
    let now = db.now();
    let mut tx = db.begin().await?;
    query("update api_tokens set last_used_at = $2 where id = $1").bind(id).bind(now).execute(&mut tx).await?;
    Ok(tx.commit().await?)
}

async fn insert(tx: &mut Tx, workspace_id: Uuid, new: &NewKey, created_by: Option<&str>) -> Result<(Uuid, String)> {
    let key = token::new(PREFIX, tx.db().ids());
    let (id, now) = (tx.db().new_id(), tx.db().now());
    query(
        "insert into api_tokens (id, workspace_id, name, token_hash, created_at, role, platform_admin, scopes, created_by, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(id)
    .bind(workspace_id)
    .bind(new.name.trim())
    .bind(token::hash(&key))
    .bind(now)
    .bind(new.role.name())
    .bind(new.platform_admin)
    .bind(new.scopes.as_ref().map(|scopes| serde_json::json!(scopes)))
    .bind(created_by.map(str::to_owned))
    .bind(new.expires_at)
    .execute(tx)
    .await?;
    Ok((id, key))
}

/// Whether any key was made yet.
///
/// # Errors
/// When the database refuses.
pub async fn has_keys(db: &Db) -> Result<bool> {
    Ok(query("select id from api_tokens limit 1").optional::<(Uuid,)>(db).await?.is_some())
}

/// The key an installation begins with: it opens everything, and for ever.
///
/// # Errors
/// When the database refuses.
pub async fn first_key(db: &Db, workspace_id: Uuid, name: &str) -> Result<String> {
    let everything =
        NewKey { name: name.to_owned(), role: Role::Owner, platform_admin: true, scopes: None, expires_at: None };
    let mut tx = db.begin().await?;
    let (_, key) = insert(&mut tx, workspace_id, &everything, None).await?;
    tx.commit().await?;
    Ok(key)
}

/// Makes a key in the actor's workspace.
///
/// # Errors
/// What is wrong with the fields.
pub async fn make_key(db: &Db, actor: &Actor, new: NewKey) -> Result<ApiKey> {
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err(PeopleError::field("name", "say in 1 to 100 characters what the key is for"));
    }
    if new.expires_at.is_some_and(|at| at <= db.now()) {
        return Err(PeopleError::field("expires_at", "this time is over: use a later one"));
    }
    if new.scopes.as_ref().is_some_and(|scopes| scopes.is_empty() || scopes.len() > 50) {
        return Err(PeopleError::field("scopes", "name 1 to 50 scopes, or leave them out for all"));
    }
    let mut tx = db.begin().await?;
    let (id, key) = insert(&mut tx, actor.workspace_id, &new, Some(&actor.who)).await?;
    let detail = serde_json::json!({
        "name": name, "role": new.role, "platform_admin": new.platform_admin, "scopes": new.scopes, "expires_at": new.expires_at
    });
    audit::record(&mut tx, actor, Entry::of("key.make", id).with(detail)).await?;
    tx.commit().await?;
    let seen = query(&format!("select {SEEN} from api_tokens where id = $1")).bind(id).one(db).await?;
    Ok(ApiKey { key, seen })
}

impl People {
    /// The keys of a workspace, newest first, before an id.
    ///
    /// # Errors
    /// [`PeopleError::Db`].
    pub async fn keys(&self, workspace_id: Uuid, before: Option<Uuid>, limit: usize) -> Result<Vec<SeenKey>> {
        let found = query(&format!(
            "select {SEEN} from api_tokens where workspace_id = $1 and id < $2 order by id desc limit $3"
        ));
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        Ok(found.bind(workspace_id).bind(before.unwrap_or(Uuid::max())).bind(limit).all(&self.db).await?)
    }

    /// Takes a key back: from now on it opens nothing.
    ///
    /// # Errors
    /// [`PeopleError::Missing`].
    pub async fn revoke_key(&self, actor: &Actor, id: Uuid) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let revoked =
            query("update api_tokens set revoked_at = coalesce(revoked_at, $3) where workspace_id = $1 and id = $2");
        if revoked.bind(actor.workspace_id).bind(id).bind(self.db.now()).execute(&mut tx).await? == 0 {
            return Err(PeopleError::Missing("key"));
        }
        audit::record(&mut tx, actor, Entry::of("key.revoke", id)).await?;
        Ok(tx.commit().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_read_as_it_is_written() {
        for text in ["invitation-runs:write", "jobs:read"] {
            assert_eq!(text.parse::<Scope>().unwrap().to_string(), text);
        }
        for text in ["jobs", "jobs:all", ":read", "Jobs:read", "jobs/x:read"] {
            assert!(text.parse::<Scope>().unwrap_err().contains("invitation-runs:read"), "{text}");
        }
    }
}
