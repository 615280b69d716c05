//! How far a request has come that takes several transactions. Each of them notes its end, so a repeat after a crash
//! goes on behind the last one that was committed, and does nothing twice.
//!
//! A note lies beside the answers, under a name that no client's key can have, and goes with them. It holds the hash of
//! the request's body: the same key with another body is another request.

use herald_base::boxed;
use uuid::Uuid;

use super::KEPT_FOR;
use herald_db::{Db, FromRow, Result, Tx, query};

/// How far a request has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steps {
    workspace_id: Uuid,
    name: String,
    body: String,
    /// The transaction that noted last; `None` if none has.
    last: Option<Uuid>,
    /// What the last one noted, if one has.
    pub noted: Option<Vec<u8>>,
}

/// What is known of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It may go on, or begin.
    Here(Steps),
    /// The key belongs to a request with another body.
    AnotherBody,
}

#[derive(FromRow)]
struct Row {
    fingerprint: String,
    attempt: Uuid,
    body: Option<Vec<u8>>,
    created_at: chrono::DateTime<chrono::Utc>,
}

/// Where the request `what` with this key and the hash of this body has come to.
///
/// # Errors
/// When the database does not answer.
#[boxed]
pub async fn begun(db: &Db, workspace_id: Uuid, what: &str, key: &str, body: &str) -> Result<Begun> {
    // No header holds a line break, so no client's key is such a name.
    let name = format!("{what}\n{key}");
    let row: Option<Row> = query(
        "select fingerprint, attempt, body, created_at from idempotency_keys where workspace_id = $1 and key = $2",
    )
    .bind(workspace_id)
    .bind(name.as_str())
    .optional(db)
    .await?;
    let is_old = |row: &Row| row.created_at + KEPT_FOR <= db.now();
    let mut steps = Steps { workspace_id, name, body: body.to_owned(), last: None, noted: None };
    if let Some(row) = row {
        if !is_old(&row) && row.fingerprint != body {
            return Ok(Begun::AnotherBody);
        }
        if is_old(&row) {
            forget(db, &steps, row.attempt).await?;
        } else {
            (steps.last, steps.noted) = (Some(row.attempt), row.body);
        }
    }
    Ok(Begun::Here(steps))
}

async fn forget(db: &Db, steps: &Steps, attempt: Uuid) -> Result<()> {
    let mut tx = db.begin().await?;
    query("delete from idempotency_keys where workspace_id = $1 and key = $2 and attempt = $3")
        .bind(steps.workspace_id)
        .bind(steps.name.as_str())
        .bind(attempt)
        .execute(&mut tx)
        .await?;
    tx.commit().await
}

impl Steps {
    /// Notes how far this transaction comes. False if another process goes on with the request: roll back.
    ///
    /// # Errors
    /// When the database does not answer.
    #[boxed]
    pub async fn note(&mut self, tx: &mut Tx, noted: Vec<u8>) -> Result<bool> {
        let (attempt, now) = (tx.db().new_id(), tx.db().now());
        let written =
            match self.last {
                None => query(
                    "insert into idempotency_keys (workspace_id, key, fingerprint, state, attempt, lease_until, body, \
                     created_at)
                     values ($1, $2, $3, 'running', $4, $5, $6, $5) on conflict (workspace_id, key) do nothing",
                )
                .bind(self.workspace_id)
                .bind(self.name.as_str())
                .bind(self.body.as_str())
                .bind(attempt)
                .bind(now)
                .bind(noted)
                .execute(tx)
                .await?,
                Some(last) => {
                    query(
                        "update idempotency_keys set attempt = $4, body = $5
                     where workspace_id = $1 and key = $2 and attempt = $3",
                    )
                    .bind(self.workspace_id)
                    .bind(self.name.as_str())
                    .bind(last)
                    .bind(attempt)
                    .bind(noted)
                    .execute(tx)
                    .await?
                }
            };
        self.last = Some(attempt);
        Ok(written == 1)
    }
}
