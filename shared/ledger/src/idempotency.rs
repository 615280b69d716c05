//! Keeps answers for clients that ask twice (draft-ietf-httpapi-idempotency-key-header). A client that lost an answer
//! sends the request again with the same key, and gets the first answer.
//!
//! The process that answers a request holds its key under a lease. So two equal requests are not answered side by side,
//! and a process that dies locks no key for ever. The price: if a process dies after its work and before it kept the
//! answer, the key works again.

mod steps;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use herald_base::boxed;
use uuid::Uuid;

pub use self::steps::{Begun, Steps, begun};
use herald_db::{Db, FromRow, Json, Result, query};

/// How long a key is held without a sign of life from the answering process.
pub const LEASE: TimeDelta = TimeDelta::minutes(1);
/// How long answers are kept.
pub const KEPT_FOR: TimeDelta = TimeDelta::hours(24);

/// An answer, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its status.
    pub status: u16,
    /// Those of its headers that belong to it.
    pub headers: BTreeMap<String, String>,
    /// Its body.
    pub body: Vec<u8>,
}

/// A key that is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    workspace_id: Uuid,
    key: String,
    attempt: Uuid,
}

/// The state in which a request finds its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is the first: answer it, then [`keep`] the answer or [`release`] the key.
    First(Held),
    /// It was answered.
    Answered(Kept),
    /// It is being answered.
    InProgress,
    /// The key belongs to another request.
    AnotherRequest,
}

herald_base::text_enum! {
    /// How far a request is that holds a key.
    enum State, "unknown state of a key {:?}" {
        /// It is being answered.
        Running "running",
        /// It was answered.
        Done "done",
    }
}

#[derive(FromRow)]
struct Row {
    fingerprint: String,
    #[sqlx(try_from = "String")]
    state: State,
    attempt: Uuid,
    lease_until: DateTime<Utc>,
    status: Option<i64>,
    headers: Option<Json<BTreeMap<String, String>>>,
    body: Option<Vec<u8>>,
    created_at: DateTime<Utc>,
}

/// Asks for a key on behalf of a request.
///
/// # Errors
/// When the database does not answer.
#[boxed]
pub async fn claim(db: &Db, workspace_id: Uuid, key: &str, fingerprint: &str) -> Result<Claim> {
    let held = Held { workspace_id, key: key.to_owned(), attempt: db.new_id() };
    let now = db.now();
    let mut tx = db.begin().await?;
    let made = query(
        "insert into idempotency_keys (workspace_id, key, fingerprint, state, attempt, lease_until, created_at)
         values ($1, $2, $3, 'running', $4, $5, $6) on conflict (workspace_id, key) do nothing",
    )
    .bind(workspace_id)
    .bind(key)
    .bind(fingerprint)
    .bind(held.attempt)
    .bind(now + LEASE)
    .bind(now)
    .execute(&mut tx)
    .await?;
    if made == 1 {
        tx.commit().await?;
        return Ok(Claim::First(held));
    }
    let row: Option<Row> = query(
        "select fingerprint, state, attempt, lease_until, status, headers, body, created_at from idempotency_keys
         where workspace_id = $1 and key = $2",
    )
    .bind(workspace_id)
    .bind(key)
    .optional(&mut tx)
    .await?;
    // The key was released in this moment: the client's next request gets it.
    let Some(row) = row else { return Ok(Claim::InProgress) };
    let is_old = row.created_at + KEPT_FOR <= now;
    if !is_old && row.fingerprint != fingerprint {
        return Ok(Claim::AnotherRequest);
    }
    if !is_old && row.state == State::Done {
        return Ok(Claim::Answered(Kept {
            status: row.status.and_then(|status| u16::try_from(status).ok()).unwrap_or_default(),
            headers: row.headers.map(|headers| headers.0).unwrap_or_default(),
            body: row.body.unwrap_or_default(),
        }));
    }
    if row.state == State::Running && row.lease_until > now {
        return Ok(Claim::InProgress);
    }
    let taken = query(
        "update idempotency_keys set fingerprint = $4, state = 'running', attempt = $5, lease_until = $6, \
         status = null, headers = null,
                                     body = null, created_at = $7
         where workspace_id = $1 and key = $2 and attempt = $3",
    )
    .bind(workspace_id)
    .bind(key)
    .bind(row.attempt)
    .bind(fingerprint)
    .bind(held.attempt)
    .bind(now + LEASE)
    .bind(now)
    .execute(&mut tx)
    .await?;
    tx.commit().await?;
    Ok(if taken == 1 { Claim::First(held) } else { Claim::InProgress })
}

/// Says that the request is still being answered.
///
/// # Errors
/// When the database does not answer.
#[boxed]
pub async fn renew(db: &Db, held: &Held) -> Result<()> {
    let mut tx = db.begin().await?;
    query(
        "update idempotency_keys set lease_until = $4
         where workspace_id = $1 and key = $2 and attempt = $3 and state = 'running'",
    )
    .bind(held.workspace_id)
    .bind(held.key.as_str())
    .bind(held.attempt)
    .bind(db.now() + LEASE)
    .execute(&mut tx)
    .await?;
    tx.commit().await
}

/// Keeps the answer. False if another process holds the key by now.
///
/// # Errors
/// When the database does not answer.
#[boxed]
pub async fn keep(db: &Db, held: &Held, answer: &Kept) -> Result<bool> {
    let mut tx = db.begin().await?;
    let kept = query(
        "update idempotency_keys set state = 'done', status = $4, headers = $5, body = $6
         where workspace_id = $1 and key = $2 and attempt = $3 and state = 'running'",
    )
    .bind(held.workspace_id)
    .bind(held.key.as_str())
    .bind(held.attempt)
    .bind(i64::from(answer.status))
    .bind(serde_json::to_value(&answer.headers).expect("names and values are text"))
    .bind(answer.body.clone())
    .execute(&mut tx)
    .await?;
    tx.commit().await?;
    Ok(kept == 1)
}

/// Gives a key back whose request came to nothing, so that it may be tried again.
///
/// # Errors
/// When the database does not answer.
#[boxed]
pub async fn release(db: &Db, held: &Held) -> Result<()> {
    let mut tx = db.begin().await?;
    query("delete from idempotency_keys where workspace_id = $1 and key = $2 and attempt = $3 and state = 'running'")
        .bind(held.workspace_id)
        .bind(held.key.as_str())
        .bind(held.attempt)
        .execute(&mut tx)
        .await?;
    tx.commit().await
}

/// Forgets at most `limit` answers that are older than [`KEPT_FOR`], and returns how many.
///
/// # Errors
/// When the database does not answer.
#[boxed]
pub async fn prune(db: &Db, limit: usize) -> Result<usize> {
    let mut tx = db.begin().await?;
    let gone = query(
        "delete from idempotency_keys where (workspace_id, key) in
           (select workspace_id, key from idempotency_keys where created_at <= $1 limit $2)",
    )
    .bind(db.now() - KEPT_FOR)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .execute(&mut tx)
    .await?;
    tx.commit().await?;
    Ok(usize::try_from(gone).unwrap_or(usize::MAX))
}
