//! Holding up a queue, or one key of it, because a provider asked for it, and ending such a wait.

use chrono::{DateTime, Utc};
use herald_base::boxed;

use super::queue::set_up;
use herald_db::{Result, Tx, query};

/// Holds up a queue, or one key of it, because a provider asked for patience. An earlier, longer wish stands.
pub(super) async fn block(
    tx: &mut Tx,
    queue: &str,
    limit_key: Option<&str>,
    until: DateTime<Utc>,
    reason: &str,
) -> Result<()> {
    set_up(tx, queue).await?;
    let now = tx.db().now();
    let Some(limit_key) = limit_key else {
        query(
            "update queues set blocked_until = $2, blocked_reason = $3, updated_at = $4
             where name = $1 and (blocked_until is null or blocked_until < $2)",
        )
        .bind(queue)
        .bind(until)
        .bind(reason)
        .bind(now)
        .execute(tx)
        .await?;
        return Ok(());
    };
    query(
        "insert into queue_keys (queue, limit_key, blocked_until, blocked_reason, updated_at) values ($1, $2, $3, $4, \
         $5)
         on conflict (queue, limit_key) do update
           set blocked_until = excluded.blocked_until, blocked_reason = excluded.blocked_reason, \
           updated_at = excluded.updated_at
           where queue_keys.blocked_until is null or queue_keys.blocked_until < excluded.blocked_until",
    )
    .bind(queue)
    .bind(limit_key)
    .bind(until)
    .bind(reason)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// Ends a wait that a provider asked for, of the queue and of all its keys, because a person knows better.
#[boxed]
pub async fn unblock(tx: &mut Tx, queue: &str) -> Result<()> {
    for statement in [
        "update queues set blocked_until = null, blocked_reason = null, updated_at = $2 where name = $1 \
         and blocked_until is not null",
        "update queue_keys set blocked_until = null, blocked_reason = null, updated_at = $2
         where queue = $1 and blocked_until is not null",
    ] {
        query(statement).bind(queue).bind(tx.db().now()).execute(tx).await?;
    }
    tx.nudge_on_commit();
    Ok(())
}

/// Ends the waits of one key in every queue, because the reason of the wait was repaired.
#[boxed]
pub async fn unblock_key(tx: &mut Tx, limit_key: &str) -> Result<()> {
    query(
        "update queue_keys set blocked_until = null, blocked_reason = null, updated_at = $2
         where limit_key = $1 and blocked_until is not null",
    )
    .bind(limit_key)
    .bind(tx.db().now())
    .execute(tx)
    .await?;
    tx.nudge_on_commit();
    Ok(())
}
