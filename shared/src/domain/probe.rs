//! Probes: batches of jobs that only show that the fleet works.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    db::{Db, query},
    jobs::{Payload, ProbeRun},
    ledger::{self, EnqueueError, NewJob},
};

/// Starts a probe of so many jobs, and returns its batch. A probe of that name in the workspace is found, not made again: the batch's id
/// is made of the name, so that two requests at once cannot both make it.
///
/// # Errors
/// When the database refuses.
pub async fn start_probe(db: &Db, workspace_id: Uuid, name: &str, jobs: u32) -> Result<Uuid, EnqueueError> {
    let id = batch_id(workspace_id, name);
    let mut tx = db.begin().await?;
    let made = query(
        "insert into batches (id, workspace_id, name, state, total, succeeded, dead, cancelled, created_at)
         values ($1, $2, $3, 'running', 0, 0, 0, 0, $4) on conflict (id) do nothing",
    )
    .bind(id)
    .bind(workspace_id)
    .bind(format!("probe {name}"))
    .bind(tx.db().now())
    .execute(&mut tx)
    .await?;
    if made == 1 {
        let jobs = (0..jobs).map(|number| {
            let number = i64::from(number);
            NewJob { batch_id: Some(id), ..ProbeRun { probe: name.to_owned(), number }.job(workspace_id) }
        });
        ledger::enqueue(&mut tx, jobs.collect()).await?;
    }
    tx.commit().await?;
    Ok(id)
}

fn batch_id(workspace_id: Uuid, name: &str) -> Uuid {
    let digest = Sha256::new().chain_update(b"probe").chain_update(workspace_id).chain_update(name).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}
