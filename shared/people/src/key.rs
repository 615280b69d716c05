//! API keys: for programs. A key is shown once; the database keeps its SHA-256.

use chrono::{DateTime, TimeDelta, Utc};
use herald_base::boxed;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Giver, Maker, People, PeopleError, Result, Role, Scope, giver::effective, made, token};
use herald_db::{Db, FromRow, Json, Tx, lookup, query};
use herald_ledger::{
    audit::{self, Actor, Entry},
    quotas::{Counted, Quotas},
};

/// What every key begins with: secret scanners find it.
pub const PREFIX: &str = "herald_";
/// `last_used_at` is this exact: a key that is used a thousand times a second is written down once a minute.
const EXACT: TimeDelta = TimeDelta::minutes(1);

/// A key that was recognised.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its id: what the audit log says instead of the key.
    pub id: Uuid,
    /// The workspace it opens.
    pub workspace_id: Uuid,
    /// The name of the key, which says what it is for.
    pub name: String,
    /// What it may do there now: at most what its maker may.
    pub role: Role,
    /// Whether the key may administer the whole installation.
    pub platform_admin: bool,
    /// The scopes of the key; `null` means everything that its role allows.
    pub scopes: Option<Vec<Scope>>,
    /// When the key expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// The person behind it.
    pub maker_id: Option<Uuid>,
}

#[derive(FromRow)]
struct Found {
    id: Uuid,
    workspace_id: Uuid,
    name: String,
    #[sqlx(try_from = "String")]
    role: Role,
    platform_admin: bool,
    scopes: Option<Json<Vec<Scope>>>,
    expires_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
    maker_id: Option<Uuid>,
    /// What the maker is in the workspace now, if they are anything there.
    maker_role: Option<String>,
    maker_admin: Option<bool>,
}

impl Found {
    /// The key as it counts now; `None` if its maker has no role any more.
    fn now(self) -> Option<Key> {
        let role = effective(self.role, self.maker_id, self.maker_role.as_deref())?;
        let by_admin = self.maker_id.is_none() || self.maker_admin == Some(true);
        Some(Key {
            id: self.id,
            workspace_id: self.workspace_id,
            name: self.name,
            role,
            platform_admin: self.platform_admin && by_admin,
            scopes: self.scopes.map(|scopes| scopes.0),
            expires_at: self.expires_at,
            maker_id: self.maker_id,
        })
    }
}

/// A key, without its secret.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct SeenKey {
    /// The id of the key.
    pub id: Uuid,
    /// The name of the key, which says what it is for.
    pub name: String,
    /// The role of the key.
    #[sqlx(try_from = "String")]
    pub role: Role,
    /// Whether the key may administer the whole installation.
    pub platform_admin: bool,
    /// The scopes of the key; `null` means everything that its role allows.
    #[schema(value_type = Option<Vec<String>>, example = json!(["invitation-runs:write"]))]
    pub scopes: Option<Json<Vec<Scope>>>,
    /// The role of the key now: at most the role of its maker. `null` once the key has ended.
    #[sqlx(skip)]
    pub effective_role: Option<Role>,
    /// The actor who created the key.
    pub created_by: Option<String>,
    /// The person who is responsible; `null` if the installation itself created the key.
    pub maker_id: Option<Uuid>,
    /// When the key was created.
    pub created_at: DateTime<Utc>,
    /// When the key expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// When the key was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When the key was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A key to be made.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What it is for, 1 to 100 characters.
    pub name: String,
    /// The role of the key.
    pub role: Role,
    /// Whether the key may administer the whole installation.
    pub platform_admin: bool,
    /// The scopes of the key; `null` means everything that its role allows.
    pub scopes: Option<Vec<Scope>>,
    /// When the key expires.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A new key. Only this answer shows its secret.
#[derive(Clone, Serialize, ToSchema)]
pub struct ApiKey {
    /// The key itself.
    pub key: String,
    /// The properties of the key.
    #[serde(flatten)]
    pub seen: SeenKey,
}

/// A key with what its maker is now.
#[derive(FromRow)]
struct Listed {
    #[sqlx(flatten)]
    seen: SeenKey,
    maker_role: Option<String>,
}

impl Listed {
    fn now(self, now: DateTime<Utc>) -> SeenKey {
        let Self { mut seen, maker_role } = self;
        let is_open = seen.revoked_at.is_none() && seen.expires_at.is_none_or(|end| end > now);
        let role = effective(seen.role, seen.maker_id, maker_role.as_deref());
        seen.effective_role = role.filter(|_| is_open);
        seen
    }
}

const SEEN: &str =
    "select t.id, t.name, t.role, t.platform_admin, t.scopes, t.created_by, t.created_at, t.expires_at, \
    t.last_used_at, t.revoked_at,
                           t.maker_id, m.role as maker_role
                    from api_tokens as t left join users as u on u.id = t.maker_id and u.state = 'active'
                    left join members as m on m.workspace_id = t.workspace_id and m.user_id = u.id";

/// The keys of a workspace that match, newest first.
pub(super) async fn listed(
    db: &Db,
    workspace_id: Uuid,
    (condition, value): (&str, Uuid),
    limit: usize,
) -> Result<Vec<SeenKey>> {
    let sql = format!("{SEEN} where t.workspace_id = $1 and {condition} order by t.id desc limit $3");
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let found: Vec<Listed> = query(&sql).bind(workspace_id).bind(value).bind(limit).all(db).await?;
    Ok(found.into_iter().map(|listed| listed.now(db.now())).collect())
}

/// The key of these letters, if it opens anything. Notes that it was used.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn check_key(db: &Db, key: &str) -> Result<Option<Key>> {
    let now = db.now();
    let found: Option<Found> = lookup(
        "select rows.nth, t.id, t.workspace_id, t.name, t.role, t.platform_admin, t.scopes, t.expires_at, \
         t.last_used_at, t.maker_id,
                m.role as maker_role, u.platform_admin as maker_admin
         from {rows} join api_tokens as t on t.token_hash = rows.hash
         left join users as u on u.id = t.maker_id and u.state = 'active'
         left join members as m on m.workspace_id = t.workspace_id and m.user_id = u.id
         where t.revoked_at is null and (t.expires_at is null or t.expires_at > rows.now)",
    )
    .by("hash", token::hash(key))
    .by("now", now)
    .optional(db)
    .await?;
    let last_used_at = found.as_ref().and_then(|found| found.last_used_at);
    let found = found.and_then(Found::now);
    if let Some(key) = found.as_ref().filter(|_| last_used_at.is_none_or(|at| now - at >= EXACT)) {
        // A full disk must not refuse a caller who only reads.
        if let Err(error) = note_use(db, key.workspace_id, key.id).await {
            tracing::warn!(%error, key = %key.id, "the use of a key could not be noted");
        }
    }
    Ok(found)
}

async fn note_use(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<()> {
    let now = db.now();
    let mut tx = db.begin().await?;
    query("update api_tokens set last_used_at = $3 where workspace_id = $1 and id = $2")
        .bind(workspace_id)
        .bind(id)
        .bind(now)
        .execute(&mut tx)
        .await?;
    Ok(tx.commit().await?)
}

async fn insert(
    tx: &mut Tx,
    workspace_id: Uuid,
    new: &NewKey,
    created_by: Option<&str>,
    maker: Maker,
) -> Result<(Uuid, String)> {
    let key = token::new(PREFIX, tx.db().ids());
    let (id, now) = (tx.db().new_id(), tx.db().now());
    query(
        "insert into api_tokens (id, workspace_id, name, token_hash, created_at, role, platform_admin, scopes, \
         created_by, expires_at,
                                 maker_id, maker_key_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
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
    .bind(maker.user_id)
    .bind(maker.key_id)
    .execute(tx)
    .await?;
    Ok((id, key))
}

/// Whether any key was made yet.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn has_keys(db: &Db) -> Result<bool> {
    Ok(query("select id from api_tokens limit 1").optional::<(Uuid,)>(db).await?.is_some())
}

/// The key an installation begins with: it opens everything, and for ever.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn first_key(db: &Db, workspace_id: Uuid, name: &str) -> Result<String> {
    let everything =
        NewKey { name: name.to_owned(), role: Role::Owner, platform_admin: true, scopes: None, expires_at: None };
    let mut tx = db.begin().await?;
    let (_, key) = insert(&mut tx, workspace_id, &everything, None, Maker::default()).await?;
    tx.commit().await?;
    Ok(key)
}

/// Makes a key in the actor's workspace that may do at most what its giver may.
///
/// # Errors
/// [`PeopleError::AboveOwn`], [`PeopleError::Narrow`], [`PeopleError::NotAdmin`], what is wrong with the fields.
#[boxed]
pub async fn make_key(db: &Db, actor: &Actor, giver: &Giver, new: NewKey) -> Result<ApiKey> {
    make_key_within(db, &Quotas::default(), actor, giver, new).await
}

/// As [`make_key`], if the workspace has room for one more.
///
/// # Errors
/// [`PeopleError::Quota`], and as [`make_key`].
#[boxed]
pub async fn make_key_within(db: &Db, quotas: &Quotas, actor: &Actor, giver: &Giver, new: NewKey) -> Result<ApiKey> {
    giver.may_make(&new)?;
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err(PeopleError::field(
            "name",
            "the name is empty or too long: say in 1 to 100 characters what the key is for",
        ));
    }
    if new.expires_at.is_some_and(|at| at <= db.now()) {
        return Err(PeopleError::field("expires_at", "this time is in the past: use a later one"));
    }
    if new.scopes.as_ref().is_some_and(|scopes| scopes.is_empty() || scopes.len() > 50) {
        return Err(PeopleError::field(
            "scopes",
            "the number of scopes is not valid: give 1 to 50 scopes, or leave them out for all",
        ));
    }
    let mut tx = db.begin().await?;
    let (id, key) = insert(&mut tx, actor.workspace_id, &new, Some(&actor.who), giver.maker).await?;
    quotas.hold(&mut tx, actor.workspace_id, Counted::Keys).await?;
    let detail = serde_json::json!({
        "name": name, "role": new.role, "platform_admin": new.platform_admin, "scopes": new.scopes,
            "expires_at": new.expires_at
    });
    audit::record(&mut tx, actor, Entry::of("key.make", id).with(detail)).await?;
    tx.commit().await?;
    let seen = listed(db, actor.workspace_id, ("t.id = $2", id), 1).await?.pop().ok_or(PeopleError::Missing("key"))?;
    Ok(ApiKey { key, seen })
}

impl People {
    /// The keys of a workspace, newest first, before an id.
    ///
    /// # Errors
    /// [`PeopleError::Db`].
    #[boxed]
    pub async fn keys(&self, workspace_id: Uuid, before: Option<Uuid>, limit: usize) -> Result<Vec<SeenKey>> {
        listed(&self.db, workspace_id, ("t.id < $2", before.unwrap_or(Uuid::max())), limit).await
    }

    /// Takes a key back, with the keys and links that were made with it: from now on they open nothing.
    ///
    /// # Errors
    /// [`PeopleError::Missing`].
    #[boxed]
    pub async fn revoke_key(&self, actor: &Actor, id: Uuid) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let revoked =
            query("update api_tokens set revoked_at = coalesce(revoked_at, $3) where workspace_id = $1 and id = $2");
        if revoked.bind(actor.workspace_id).bind(id).bind(self.db.now()).execute(&mut tx).await? == 0 {
            return Err(PeopleError::Missing("key"));
        }
        let ended = made::end(&mut tx, actor.workspace_id, made::By::Key(id)).await?;
        audit::record(&mut tx, actor, Entry::of("key.revoke", id).with(serde_json::json!({ "ended": ended }))).await?;
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
