//! Ids for files that do not exist yet. They are reserved before the guests are imported, because the QR code of an
//! invitation already leads to its file.

use herald_accounts::ProviderKind;
use herald_db::Tx;
use herald_invitations as domain;
use herald_invitations::{Destination, Place, Run};
use herald_providers::{Meter, google::Drive};
use uuid::Uuid;

use crate::runner::Failure;
use crate::{
    accounts::Used,
    jobs::{Context, Task},
};

/// The number of ids in one request, which is the most that Drive returns.
const IDS: usize = 1_000;

/// A reserve of places for the next transaction.
pub(super) struct Reserve {
    connection_id: Option<Uuid>,
    link: String,
}

/// Makes sure that the pool of the run's destination has `count` places, if the destination needs any.
pub(super) async fn reserve<P>(context: &Context, task: &Task<P>, run: &Run, count: usize) -> Result<Reserve, Failure> {
    let Destination::Drive { connection_id, .. } = run.options.0.destination else {
        return Ok(Reserve { connection_id: None, link: String::new() });
    };
    if domain::reserved_left(&context.db, connection_id).await? < count {
        let drive = context.drive(task, connection_id).await?;
        let meter = herald_accounts::meter_of_job(&context.db, ProviderKind::Google.queue(), 0);
        refill(context, &drive, &meter).await?;
    }
    Ok(Reserve { connection_id: Some(connection_id), link: context.accounts.drive_link().to_owned() })
}

/// Reserves one id, for a file or folder that has none yet.
pub(super) async fn reserve_one(context: &Context, drive: &Used<Drive>, meter: &Meter) -> Result<String, Failure> {
    let connection_id = drive.connection.id;
    for _ in 0..2 {
        let mut tx = context.db.begin().await?;
        let taken = domain::take_reserved(&mut tx, connection_id, 1).await?.pop();
        tx.commit().await?;
        match taken {
            Some(id) => return Ok(id),
            None => refill(context, drive, meter).await?,
        }
    }
    Err(Failure::Retry { error: "others took every id that was reserved".to_owned(), after: None })
}

async fn refill(context: &Context, drive: &Used<Drive>, meter: &Meter) -> Result<(), Failure> {
    let ids = drive.client.reserve_ids(IDS, meter).await;
    let ids = drive.settle(context, ids).await?;
    let mut tx = context.db.begin().await?;
    domain::add_reserved(&mut tx, drive.connection.id, &ids).await?;
    tx.commit().await?;
    Ok(())
}

impl Reserve {
    /// Takes `count` places out of the pool, if the run's destination needs any.
    pub(super) async fn take(&self, tx: &mut Tx, count: usize) -> Result<Vec<Place>, Failure> {
        let Some(connection_id) = self.connection_id else { return Ok(Vec::new()) };
        let ids = domain::take_reserved(tx, connection_id, count).await?;
        if ids.len() < count {
            return Err(Failure::Retry { error: "others took the ids that were reserved".to_owned(), after: None });
        }
        Ok(ids.into_iter().map(|id| Place { link: self.link.replace("{id}", &id), remote_id: id }).collect())
    }
}
