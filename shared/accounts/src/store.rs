//! The rows of connections.

use chrono::{DateTime, Utc};
use serde::Serialize;
use thiserror::Error;
use uuid::Uuid;

use super::kinds::{Credentials, Settings};
use herald_base::{
    boxed,
    vault::{Vault, VaultError},
};
use herald_db::{Db, DbError, FromRow, Json, Tx, lookup, query};
use herald_ledger as ledger;
use herald_ledger::LedgerError;

herald_base::text_enum! {
    /// The state of a connection.
    pub enum ConnectionState, "unknown state of a connection {:?}" {
        /// It works, as far as is known.
        Ok "ok",
        /// It waits for a person to repair it.
        Broken "broken",
    }
}

/// A connection, without its secrets.
#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
pub struct Connection {
    /// The id of the connection.
    pub id: Uuid,
    /// The name of the connection, unique in the workspace.
    pub name: String,
    /// The provider and its settings.
    #[schema(value_type = Settings)]
    pub settings: Json<Settings>,
    /// `ok`, or `broken` until a person repairs the connection.
    #[schema(value_type = String, pattern = "^(ok|broken)$")]
    #[sqlx(try_from = "String")]
    pub state: ConnectionState,
    /// Why the connection is broken, and what to do about it.
    pub reason: Option<String>,
    /// The version, which rises with every change of the settings or secrets.
    #[serde(skip)]
    pub version: i64,
    /// When the connection was created.
    pub created_at: DateTime<Utc>,
    /// When the connection last changed.
    pub updated_at: DateTime<Utc>,
}

/// A connection to be kept.
#[derive(Debug)]
pub struct NewConnection<'a> {
    /// Its name; one of that name is replaced.
    pub name: &'a str,
    /// The provider and its settings.
    pub settings: Settings,
    /// What is secret of it.
    pub credentials: Credentials,
}

/// A connection with its secret, for callers of the provider.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The connection.
    pub connection: Connection,
    /// Its secret.
    pub credentials: Credentials,
}

/// Why a connection cannot be kept or opened.
#[derive(Debug, Error)]
pub enum ConnectionError {
    /// There is no such connection.
    #[error("there is no connection of that name or id: see `herald connections list`")]
    Missing,
    /// Its name cannot be used.
    #[error(
        "the name of the connection is not valid: use 1 to 40 lower-case letters, digits and hyphens, such as \
         {suggestion:?}"
    )]
    Name {
        /// One that can.
        suggestion: &'static str,
    },
    /// It is of another provider than the one to replace.
    #[error("the connection {name:?} belongs to {provider}: give the new connection another name")]
    OtherProvider {
        /// The name.
        name: String,
        /// Whose it is.
        provider: &'static str,
    },
    /// Something of the workspace still needs it.
    #[error("senders or templates of messages use this connection: give them another one first")]
    InUse,
    /// Its secret does not open.
    #[error("the credentials of the connection {name:?} cannot be decrypted: {source}")]
    Sealed {
        /// The connection's name.
        name: String,
        /// Why.
        source: VaultError,
    },
    /// The database refused.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The ledger refused.
    #[error(transparent)]
    Enqueue(#[from] LedgerError),
}

type Result<T> = std::result::Result<T, ConnectionError>;

macro_rules! columns {
    () => {
        "id, name, settings, state, reason, version, created_at, updated_at"
    };
}

const COLUMNS: &str = columns!();

fn place(id: Uuid) -> String {
    format!("connection:{id}")
}

/// The connection of that name, locked until the transaction ends: nobody replaces it meanwhile.
#[boxed]
pub async fn lock(tx: &mut Tx, workspace_id: Uuid, name: &str) -> Result<Option<Connection>> {
    let found = query(&format!(
        "update connections set version = version where workspace_id = $1 and name = $2 returning {COLUMNS}"
    ))
    .bind(workspace_id)
    .bind(name)
    .optional(tx)
    .await?;
    Ok(found)
}

/// Keeps a connection, or replaces the one of that name: it keeps its id, so what refers to it goes on with the new
/// credentials, at once. A connection that still lacks a person's consent needs one from its first moment.
pub async fn save(tx: &mut Tx, vault: &Vault, workspace_id: Uuid, new: NewConnection<'_>) -> Result<Uuid> {
    let provider = new.settings.provider();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if new.name.is_empty() || new.name.len() > 40 || !new.name.chars().all(fits) {
        return Err(ConnectionError::Name { suggestion: provider.name() });
    }
    let known: Option<Connection> =
        query(&format!("select {COLUMNS} from connections where workspace_id = $1 and name = $2"))
            .bind(workspace_id)
            .bind(new.name)
            .optional(&mut *tx)
            .await?;
    if let Some(old) = known.as_ref().filter(|old| old.settings.0.provider() != provider) {
        let provider = old.settings.0.provider().name();
        return Err(ConnectionError::OtherProvider { name: new.name.to_owned(), provider });
    }
    let id = known.map_or_else(|| tx.db().new_id(), |old| old.id);
    let reason = new.credentials.lacks();
    let state = if reason.is_some() { ConnectionState::Broken } else { ConnectionState::Ok };
    query(
        "insert into connections (id, workspace_id, name, provider, settings, secret, state, reason, version, \
         created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $8, $9, 1, $7, $7)
         on conflict (id) do update set settings = excluded.settings, secret = excluded.secret, \
         state = excluded.state, reason = excluded.reason,
           version = connections.version + 1, updated_at = excluded.updated_at
         where connections.workspace_id = excluded.workspace_id",
    )
    .bind(id)
    .bind(workspace_id)
    .bind(new.name)
    .bind(provider.name())
    .bind(serde_json::to_value(&new.settings).expect("settings are plain data"))
    .bind(vault.seal(&place(id), &new.credentials))
    .bind(tx.db().now())
    .bind(state.as_str())
    .bind(reason)
    .execute(tx)
    .await?;
    ledger::unblock_key(tx, &id.to_string()).await?;
    Ok(id)
}

/// The connections of a workspace by name.
#[boxed]
pub async fn list_connections(db: &Db, workspace_id: Uuid) -> Result<Vec<Connection>> {
    let mut found: Vec<Connection> =
        query(&format!("select {COLUMNS} from connections where workspace_id = $1")).bind(workspace_id).all(db).await?;
    // Sorted here: PostgreSQL would sort by the rules of its locale.
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// A connection of a workspace.
#[boxed]
pub async fn find_connection(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<Connection>> {
    const SQL: &str = concat!(
        "select rows.nth, ",
        columns!(),
        " from {rows} join connections on workspace_id = rows.workspace and id = rows.connection"
    );
    Ok(lookup(SQL).by("workspace", workspace_id).by("connection", id).optional(db).await?)
}

/// The connection of a workspace that has this name, or this id.
#[boxed]
pub async fn find_connection_named(db: &Db, workspace_id: Uuid, name: &str) -> Result<Option<Connection>> {
    if let Ok(id) = name.parse::<Uuid>() {
        return find_connection(db, workspace_id, id).await;
    }
    const SQL: &str = concat!(
        "select rows.nth, ",
        columns!(),
        " from {rows} join connections on workspace_id = rows.workspace and name = rows.called"
    );
    Ok(lookup(SQL).by("workspace", workspace_id).by("called", name.to_owned()).optional(db).await?)
}

/// A connection with its secret.
///
/// # Errors
/// [`ConnectionError::Missing`], [`ConnectionError::Sealed`].
#[boxed]
pub async fn open(db: &Db, vault: &Vault, workspace_id: Uuid, id: Uuid) -> Result<Opened> {
    let connection = find_connection(db, workspace_id, id).await?.ok_or(ConnectionError::Missing)?;
    let (sealed,): (Vec<u8>,) = query("select secret from connections where workspace_id = $1 and id = $2")
        .bind(workspace_id)
        .bind(id)
        .optional(db)
        .await?
        .ok_or(ConnectionError::Missing)?;
    let credentials = vault
        .open(&place(id), &sealed)
        .map_err(|source| ConnectionError::Sealed { name: connection.name.clone(), source })?;
    Ok(Opened { connection, credentials })
}

/// A connection that a webhook names, whatever its workspace.
#[boxed]
pub async fn webhook_connection(db: &Db, id: Uuid) -> Result<Option<(Uuid, Connection)>> {
    let found: Option<(Uuid,)> =
        query("select workspace_id from connections where id = $1").bind(id).optional(db).await?;
    let Some((workspace_id,)) = found else { return Ok(None) };
    Ok(find_connection(db, workspace_id, id).await?.map(|connection| (workspace_id, connection)))
}

/// Notes that the provider refuses this connection until a person does something. True if that is news.
#[boxed]
pub async fn mark_broken(db: &Db, workspace_id: Uuid, connection: &Connection, reason: &str) -> Result<bool> {
    let mut tx = db.begin().await?;
    let touched = query(
        "update connections set state = 'broken', reason = $3, updated_at = $4
         where workspace_id = $5 and id = $1 and version = $2 and (state = 'ok' or reason <> $3)",
    )
    .bind(connection.id)
    .bind(connection.version)
    .bind(reason)
    .bind(db.now())
    .bind(workspace_id)
    .execute(&mut tx)
    .await?;
    tx.commit().await?;
    Ok(touched > 0)
}

/// Notes that the provider takes this connection again, and lets its work go on. True if that is news.
#[boxed]
pub async fn mark_ok(db: &Db, workspace_id: Uuid, connection: &Connection) -> Result<bool> {
    let mut tx = db.begin().await?;
    let touched = query(
        "update connections set state = 'ok', reason = null, updated_at = $2
             where workspace_id = $3 and id = $1 and state = 'broken'",
    )
    .bind(connection.id)
    .bind(db.now())
    .bind(workspace_id)
    .execute(&mut tx)
    .await?;
    if touched > 0 {
        ledger::unblock_key(&mut tx, &connection.id.to_string()).await?;
    }
    tx.commit().await?;
    Ok(touched > 0)
}

/// Forgets a connection and its secret. False if the workspace has no connection of that id.
///
/// # Errors
/// [`ConnectionError::InUse`].
#[boxed]
pub async fn remove(tx: &mut Tx, workspace_id: Uuid, id: Uuid) -> Result<bool> {
    let removed = query("delete from connections where workspace_id = $1 and id = $2")
        .bind(workspace_id)
        .bind(id)
        .execute(tx)
        .await
        .map_err(|error| if error.is_foreign_key_violation() { ConnectionError::InUse } else { error.into() })?;
    Ok(removed > 0)
}

/// Seals every secret anew that was sealed with an older key. Returns how many, and the names of those that do not
/// open.
#[boxed]
pub async fn reseal(db: &Db, vault: &Vault) -> Result<(usize, Vec<String>)> {
    let mut tx = db.begin().await?;
    let all: Vec<(Uuid, String, Vec<u8>)> =
        query("select id, name, secret from connections order by id").all(&mut tx).await?;
    let (mut resealed, mut closed) = (0, Vec::new());
    for (id, name, sealed) in all.into_iter().filter(|(_, _, sealed)| !vault.is_current(sealed)) {
        match vault.open::<Credentials>(&place(id), &sealed) {
            Ok(credentials) => {
                query("update connections set secret = $2, updated_at = $3 where id = $1")
                    .bind(id)
                    .bind(vault.seal(&place(id), &credentials))
                    .bind(db.now())
                    .execute(&mut tx)
                    .await?;
                resealed += 1;
            }
            Err(_) => closed.push(name),
        }
    }
    // A half-finished consent or upload is begun anew.
    query("delete from consents").execute(&mut tx).await?;
    query("update uploads set session = null where session is not null").execute(&mut tx).await?;
    tx.commit().await?;
    Ok((resealed, closed))
}
