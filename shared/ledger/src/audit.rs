//! The audit log: who did what to the fleet and its jobs, when, and to how many.
//!
//! A row is written by the transaction that does the act, so neither is ever there without the other:
//!
//! ```text
//! let mut tx = db.begin().await?;
//! set_paused(&mut tx, "cpu", true).await?;
//! audit::record(&mut tx, &actor, Entry::of("queue.pause", "cpu")).await?;
//! tx.commit().await?;
//! ```
//!
//! Rows are only ever added. Each holds the hash of the one before it in its workspace, and the hashes are keyed with a
//! key that does not lie in the database, as is the seal on the chain's end. A row that was changed or taken out shows,
//! and so does an end that was cut off ([`verify`]). If the whole log was replaced by an older copy of itself, only a
//! reader who keeps a [`Checkpoint`] elsewhere sees it.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

pub use super::audit_verify::{Checkpoint, Verified, verify};
use super::{
    audit_seal::{self, End},
    search::Conditions,
};
use herald_db::{Db, FromRow, Result, Tx, query};

/// The longest text kept of what a client sent, in characters.
const LONGEST: usize = 500;

/// Who acts, and for which workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The workspace whose log tells it.
    pub workspace_id: Uuid,
    /// `user:<id>`, `key:<id> (<name>)` or `cli:<user>`.
    pub who: String,
    /// The request it was asked by, as the log of requests knows it.
    pub request_id: Option<String>,
    /// The address from which the request came.
    #[serde(default)]
    pub origin: Option<String>,
}

impl Actor {
    /// A person at the command line.
    pub fn cli(workspace_id: Uuid, user: &str) -> Self {
        Self { workspace_id, who: format!("cli:{user}"), request_id: None, origin: None }
    }

    /// The holder of an API key.
    pub fn key(workspace_id: Uuid, id: Uuid, name: &str, request_id: Option<String>) -> Self {
        Self { workspace_id, who: format!("key:{id} ({name})"), request_id, origin: None }
    }

    /// A person who signed in.
    pub fn user(workspace_id: Uuid, id: Uuid, request_id: Option<String>) -> Self {
        Self { workspace_id, who: format!("user:{id}"), request_id, origin: None }
    }

    /// The person, if a person who signed in acts.
    pub fn user_id(&self) -> Option<Uuid> {
        self.who.strip_prefix("user:")?.parse().ok()
    }

    /// The same, at this address.
    #[must_use]
    pub fn from(mut self, origin: Option<String>) -> Self {
        self.origin = origin;
        self
    }
}

/// An act to be recorded: `Entry::of("job.cancel", id).affecting(1)`.
#[derive(Clone, Debug)]
pub struct Entry {
    action: String,
    target: String,
    dry_run: bool,
    affected: Option<i64>,
    detail: serde_json::Value,
}

impl Entry {
    /// What was done, as `thing.verb`, and to what: an id, a name, or a filter in words.
    pub fn of(action: &str, target: impl ToString) -> Self {
        Self {
            action: action.to_owned(),
            target: target.to_string(),
            dry_run: false,
            affected: None,
            detail: serde_json::json!({}),
        }
    }

    /// How many things it changed; of a dry run, how many it would have.
    pub fn affecting(mut self, things: impl TryInto<i64>) -> Self {
        self.affected = Some(things.try_into().unwrap_or(i64::MAX));
        self
    }

    /// It was only counted, nothing was changed.
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }

    /// What else should be known: an object. No names or addresses of guests, and no secrets.
    pub fn with(mut self, detail: serde_json::Value) -> Self {
        self.detail = detail;
        self
    }
}

/// An entry of the audit log.
#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
pub struct AuditRow {
    /// The id of the entry.
    pub id: Uuid,
    /// The position in the workspace's chain, counted from 1.
    pub seq: i64,
    /// When the action happened.
    pub at: DateTime<Utc>,
    /// The actor.
    pub who: String,
    /// The action, as `thing.verb`.
    pub action: String,
    /// The target of the action.
    pub target: String,
    /// Whether the action was only a dry run.
    pub dry_run: bool,
    /// The number of changed things.
    pub affected: Option<i64>,
    /// Further details.
    #[serde(serialize_with = "as_json")]
    #[schema(value_type = Object)]
    pub detail: String,
    /// The id of the request.
    pub request_id: Option<String>,
    /// The address from which the request came.
    pub origin: Option<String>,
    /// The hash of the previous row; empty for the first row.
    pub previous_hash: String,
    /// The hash of this row: the key's id and HMAC-SHA256 in hex, with a colon between. Rows of older versions have
    /// SHA-256.
    pub hash: String,
}

fn as_json<S: serde::Serializer>(text: &str, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serde_json::from_str::<serde_json::Value>(text).unwrap_or_default().serialize(serializer)
}

impl AuditRow {
    /// What its hash is made of.
    pub(super) fn told(&self, workspace_id: Uuid) -> Vec<u8> {
        let told = (
            &self.previous_hash,
            workspace_id,
            self.id,
            self.seq,
            self.at.timestamp_micros(),
            (&self.who, &self.action, &self.target),
            self.dry_run,
            self.affected,
            &self.detail,
            &self.request_id,
        );
        let mut bytes = serde_json::to_vec(&told).expect("a row is plain data");
        // Rows of earlier versions have no origin, and their hashes stay as they were.
        if let Some(origin) = &self.origin {
            bytes.extend(serde_json::to_vec(origin).expect("a text is plain data"));
        }
        bytes
    }

    /// The hash that a row has without a key.
    pub(super) fn plain_hash(told: &[u8]) -> String {
        hex::encode(Sha256::digest(told))
    }
}

pub(super) const COLUMNS: &str =
    "id, seq, at, who, action, target, dry_run, affected, detail, request_id, origin, previous_hash, hash";

/// Records an act in the transaction that does it. The last statement before the commit, if it can be: until then
/// nobody else's act of this workspace is recorded.
#[boxed]
pub async fn record(tx: &mut Tx, actor: &Actor, entry: Entry) -> Result<()> {
    let workspace_id = actor.workspace_id;
    // A second writer waits here, and then reads the row that the first has written.
    let moved = || {
        let sql = "update audit_heads set seq = seq + 1 where workspace_id = $1
                   returning seq - 1 as seq, hash, sealed_seq, seal";
        query(sql).bind(workspace_id)
    };
    let before: End = match moved().optional(&mut *tx).await? {
        Some(before) => before,
        // The first act of the workspace.
        None => {
            let sql = "insert into audit_heads (workspace_id, seq, hash) values ($1, 0, '')
                       on conflict (workspace_id) do nothing";
            query(sql).bind(workspace_id).execute(&mut *tx).await?;
            moved().one(&mut *tx).await?
        }
    };
    let sealer = tx.db().sealer().cloned();
    let mut row = AuditRow {
        id: tx.db().new_id(),
        seq: before.seq + 1,
        at: tx.db().now(),
        who: plain(&actor.who),
        action: plain(&entry.action),
        target: plain(&entry.target),
        dry_run: entry.dry_run,
        affected: entry.affected,
        detail: entry.detail.to_string(),
        request_id: actor.request_id.as_deref().map(plain),
        origin: actor.origin.as_deref().map(plain),
        previous_hash: before.hash.clone(),
        hash: String::new(),
    };
    let told = row.told(workspace_id);
    row.hash = sealer.as_ref().map_or_else(|| AuditRow::plain_hash(&told), |sealer| audit_seal::of_row(sealer, &told));
    // An end that does not fit its seal is not sealed again: a new seal would hide the damage.
    let (sealed_seq, seal) = match &sealer {
        Some(sealer) if audit_seal::may_go_on(tx, sealer, workspace_id, &before).await? => {
            (Some(row.seq), Some(audit_seal::of_end(sealer, workspace_id, row.seq, &row.hash)))
        }
        _ => (before.sealed_seq, before.seal),
    };
    query(
        "insert into audit_log (id, workspace_id, seq, at, who, action, target, dry_run, affected, detail, request_id, \
         origin, previous_hash, hash)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    )
    .bind(row.id)
    .bind(workspace_id)
    .bind(row.seq)
    .bind(row.at)
    .bind(row.who)
    .bind(row.action)
    .bind(row.target)
    .bind(row.dry_run)
    .bind(row.affected)
    .bind(row.detail)
    .bind(row.request_id)
    .bind(row.origin)
    .bind(row.previous_hash)
    .bind(row.hash.as_str())
    .execute(tx)
    .await?;
    query("update audit_heads set hash = $2, sealed_seq = $3, seal = $4 where workspace_id = $1")
        .bind(workspace_id)
        .bind(row.hash)
        .bind(sealed_seq)
        .bind(seal)
        .execute(tx)
        .await?;
    Ok(())
}

/// The stored text must be the hashed text, and the database would leave U+0000 out.
fn plain(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').take(LONGEST).collect()
}

/// Which rows to list. `None` means any.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// By action, such as `queue.pause`.
    pub action: Option<String>,
    /// By who acted, as the log says it.
    pub who: Option<String>,
    /// Only what was done then or later.
    pub at_after: Option<DateTime<Utc>>,
    /// Only what was done before.
    pub at_before: Option<DateTime<Utc>>,
    /// Only rows before this place in the chain: the last one of the page before.
    pub before: Option<i64>,
}

/// A workspace's log, newest first, at most `limit`.
#[boxed]
pub async fn log(db: &Db, workspace_id: Uuid, filter: &AuditFilter, limit: usize) -> Result<Vec<AuditRow>> {
    let mut wanted = Conditions::in_workspace(workspace_id);
    if let Some(action) = &filter.action {
        wanted.and("action = ?", action.as_str());
    }
    if let Some(who) = &filter.who {
        wanted.and("who = ?", who.as_str());
    }
    if let Some(before) = filter.before {
        wanted.and("seq < ?", before);
    }
    if let Some(after) = filter.at_after {
        let Some(first) = place(db, workspace_id, after).await? else { return Ok(Vec::new()) };
        wanted.and("seq >= ?", first);
    }
    if let Some(before) = filter.at_before
        && let Some(end) = place(db, workspace_id, before).await?
    {
        wanted.and("seq < ?", end);
    }
    wanted.select(&format!("select {COLUMNS} from audit_log"), "order by seq desc", Some(limit)).all(db).await
}

/// Where the log was at a time: the place of the first row from then on. The log grows in the order of time, but for
/// the little by which the clocks of several processes differ.
async fn place(db: &Db, workspace_id: Uuid, at: DateTime<Utc>) -> Result<Option<i64>> {
    let found: Option<(i64,)> =
        query("select seq from audit_log where workspace_id = $1 and at >= $2 order by at, seq limit 1")
            .bind(workspace_id)
            .bind(at)
            .optional(db)
            .await?;
    Ok(found.map(|(seq,)| seq))
}
