//! Webhooks that came already: a provider that heard no answer sends the same once more.

use chrono::TimeDelta;
use herald_base::boxed;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use herald_db::{Db, Result, Tx, query};

/// How long a delivery is remembered. Mautic gives up on one after hours.
const KEPT: TimeDelta = TimeDelta::days(7);

/// Whether a connection's webhook tells this for the first time. It counts as told when the transaction commits.
#[boxed]
pub async fn first_delivery(tx: &mut Tx, workspace_id: Uuid, connection_id: Uuid, told: &[u8]) -> Result<bool> {
    let now = tx.db().now();
    let inserted = query(
        "insert into webhook_deliveries (workspace_id, connection_id, digest, received_at) values ($1, $2, $3, $4)
         on conflict (workspace_id, connection_id, digest) do nothing",
    )
    .bind(workspace_id)
    .bind(connection_id)
    .bind(hex::encode(Sha256::digest(told)))
    .bind(now)
    .execute(tx)
    .await?;
    Ok(inserted == 1)
}

/// Forgets deliveries that are too old to come again. Returns how many.
#[boxed]
pub async fn forget_deliveries(db: &Db) -> Result<u64> {
    let mut tx = db.begin().await?;
    let forgotten =
        query("delete from webhook_deliveries where received_at < $1").bind(db.now() - KEPT).execute(&mut tx).await?;
    tx.commit().await?;
    Ok(forgotten)
}
