//! Claims: who took which attempts off the wire.
//!
//! A job that was lost on the wire never ran, so that attempt must not count; one that was lost with its worker must, or a job that kills
//! its worker would loop for ever. A worker therefore says what it took before it runs any of it: one row for all that it took at once,
//! where touching the jobs' own rows would cost as much as finishing them.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::JobKey;
use crate::db::{Bulk, Db, FromRow, Json, Result, query};

/// Who holds a job that was leased for the fleet, until a worker renews its lease under its own name.
pub const ON_THE_WIRE: &str = "wire";

/// Notes that a worker has taken these attempts.
pub async fn claim(db: &Db, worker_id: Uuid, jobs: &[JobKey]) -> Result<()> {
    let mut tx = db.begin().await?;
    // A claim lost with the database's last instant makes an attempt not count, which hurts nobody; waiting for the disk would.
    tx.may_be_lost().await?;
    let keys: Vec<(Uuid, i64)> = jobs.iter().map(|key| (key.id, key.attempt)).collect();
    query("insert into claims (id, worker_id, jobs, at) values ($1, $2, $3, $4)")
        .bind(tx.db().new_id())
        .bind(worker_id)
        .bind(serde_json::to_value(keys).expect("keys are plain data"))
        .bind(tx.db().now())
        .execute(&mut tx)
        .await?;
    tx.commit().await
}

#[derive(FromRow)]
struct Claimed {
    jobs: Json<Vec<(Uuid, i64)>>,
}

/// Those of these running attempts that no worker has ever had: lost on the wire.
pub async fn never_taken(db: &Db, jobs: &[JobKey]) -> Result<HashSet<JobKey>> {
    if jobs.is_empty() {
        return Ok(HashSet::new());
    }
    let mut tx = db.begin().await?;
    let on_the_wire: Vec<(Uuid, i64)> = Bulk::new(
        "select jobs.id, jobs.attempt from jobs join {rows} on jobs.id = rows.id
         where jobs.attempt = rows.attempt and jobs.worker = rows.worker",
    )
    .column("id", jobs.iter().map(|key| key.id).collect())
    .column("attempt", jobs.iter().map(|key| key.attempt).collect())
    .column("worker", jobs.iter().map(|_| ON_THE_WIRE.to_owned()).collect())
    .all(&mut tx)
    .await?;
    let mut never: HashSet<JobKey> = on_the_wire.into_iter().map(|(id, attempt)| JobKey { id, attempt }).collect();
    if !never.is_empty() {
        let claims: Vec<Claimed> = query("select jobs from claims").all(&mut tx).await?;
        for (id, attempt) in claims.into_iter().flat_map(|claim| claim.jobs.0) {
            never.remove(&JobKey { id, attempt });
        }
    }
    Ok(never)
}

/// Forgets claims made before.
pub async fn forget_claims(db: &Db, before: DateTime<Utc>) -> Result<u64> {
    let mut tx = db.begin().await?;
    tx.may_be_lost().await?;
    let forgotten = query("delete from claims where at < $1").bind(before).execute(&mut tx).await?;
    tx.commit().await?;
    Ok(forgotten)
}
