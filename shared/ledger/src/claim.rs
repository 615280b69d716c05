//! Claims: the attempts that workers took off the wire.
//!
//! A job that was lost on the wire never ran, so that attempt must not count. A job that was lost with its worker must
//! count, or a job that kills its worker would run for ever. So a worker writes down its jobs before it runs any of
//! them. It writes one row for all jobs that it took at once; touching the jobs' own rows would cost as much as
//! finishing them.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use herald_base::boxed;
use uuid::Uuid;

use super::{JobKey, lease::LostJob};
use herald_db::{Db, EngineKind, FromRow, Json, Result, query};

/// The holder of a job that was leased for the fleet, until a worker renews its lease under the worker's name.
pub const ON_THE_WIRE: &str = "wire";

/// Notes that a worker has taken these attempts.
#[boxed]
pub async fn claim(db: &Db, worker_id: Uuid, jobs: &[JobKey]) -> Result<()> {
    let keys: Vec<(Uuid, i64)> = jobs.iter().map(|key| (key.id, key.attempt)).collect();
    // A claim lost with the database's last instant makes an attempt not count, which hurts nobody; waiting for the
    // disk would.
    let insert = match db.kind() {
        EngineKind::Postgres => {
            "with lazy as (select set_config('synchronous_commit', 'off', true))
             insert into claims (id, worker_id, jobs, at) select $1, $2, $3, $4 from lazy returning id"
        }
        EngineKind::Sqlite => "insert into claims (id, worker_id, jobs, at) values ($1, $2, $3, $4) returning id",
    };
    query(insert)
        .bind(db.new_id())
        .bind(worker_id)
        .bind(serde_json::to_value(keys).expect("keys are plain data"))
        .bind(db.now())
        .alone::<(Uuid,)>(db)
        .await
        .map(drop)
}

#[derive(FromRow)]
struct Claimed {
    worker_id: Uuid,
    jobs: Json<Vec<(Uuid, i64)>>,
}

/// The names of the workers that had lost attempts, for people to read. An attempt that the wire lost, so that no
/// worker ever had it, is not among them.
#[boxed]
pub async fn holders(db: &Db, lost: &[LostJob]) -> Result<HashMap<JobKey, String>> {
    let mut holders = HashMap::new();
    let mut on_the_wire = HashSet::new();
    for lost in lost {
        match &lost.worker {
            Some(worker) if worker == ON_THE_WIRE => {
                on_the_wire.insert(lost.job.key());
            }
            worker => {
                holders.insert(lost.job.key(), worker.clone().unwrap_or_default());
            }
        }
    }
    if on_the_wire.is_empty() {
        return Ok(holders);
    }
    let claims: Vec<Claimed> = query("select worker_id, jobs from claims").all(db).await?;
    let names: Vec<(Uuid, String)> = query("select id, name from workers").all(db).await?;
    let names: HashMap<Uuid, String> = names.into_iter().collect();
    for Claimed { worker_id, jobs } in claims {
        for (id, attempt) in jobs.0 {
            let key = JobKey { id, attempt };
            if on_the_wire.contains(&key) {
                holders.insert(key, names.get(&worker_id).cloned().unwrap_or_else(|| worker_id.to_string()));
            }
        }
    }
    Ok(holders)
}

/// Forgets claims made before.
#[boxed]
pub async fn forget_claims(db: &Db, before: DateTime<Utc>) -> Result<u64> {
    let mut tx = db.begin().await?;
    tx.may_be_lost().await?;
    let forgotten = query("delete from claims where at < $1").bind(before).execute(&mut tx).await?;
    tx.commit().await?;
    Ok(forgotten)
}
