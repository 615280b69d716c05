//! Mends one guest of a run: another picture, another part of it, or the same once more.
//!
//! The guest keeps number and link. What lies behind the link stays until the new drawing replaces it.

use uuid::Uuid;

use super::{
    InvitationState, prepare,
    run::{self, Tally},
};
use herald_base::{boxed, crop_area::CropArea};
use herald_db::{FromRow, Json, Tx, query};
use herald_ledger as ledger;
use herald_ledger::{
    LedgerError,
    audit::{self, Actor, Entry},
};

/// What a person does about a guest.
#[derive(Clone, Debug)]
pub enum Mend {
    /// Everything is done again.
    Retry,
    /// The guest gets another picture: the key of a file in the file store.
    Picture(String),
    /// The portrait is this part of the picture.
    Crop(CropArea),
}

impl Mend {
    fn action(&self) -> &'static str {
        match self {
            Self::Retry => "guest.retry",
            Self::Picture(_) => "guest.picture",
            Self::Crop(_) => "guest.crop",
        }
    }
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mended {
    /// The invitation is made again.
    Again,
    /// The run has no such guest.
    Missing,
    /// The invitation is being made: nothing was changed.
    AtWork,
    /// The guest has no picture that could be cropped.
    NoPicture,
}

#[derive(FromRow)]
struct Found {
    run_id: Uuid,
    batch_id: Uuid,
    contact_id: Uuid,
    picture: Option<String>,
    crop: Option<Json<CropArea>>,
    #[sqlx(try_from = "String")]
    state: InvitationState,
}

/// Has a guest of a run drawn again, with what was mended.
///
/// # Errors
/// [`LedgerError`], when the database refuses.
#[boxed]
pub async fn mend_guest(
    tx: &mut Tx,
    by: &Actor,
    run_id: Uuid,
    invitation_id: Uuid,
    mend: Mend,
) -> Result<Mended, LedgerError> {
    let workspace_id = by.workspace_id;
    let found: Option<Found> = query(
        "select i.run_id, r.batch_id, i.contact_id, c.picture, i.crop, i.state from run_guests as g
         join invitations as i on i.workspace_id = g.workspace_id and i.id = g.invitation_id
         join invitation_runs as r on r.workspace_id = i.workspace_id and r.id = i.run_id
         join contacts as c on c.workspace_id = i.workspace_id and c.id = i.contact_id
         where g.workspace_id = $1 and g.run_id = $2 and g.invitation_id = $3 limit 1",
    )
    .bind(workspace_id)
    .bind(run_id)
    .bind(invitation_id)
    .optional(&mut *tx)
    .await?;
    let Some(found) = found else { return Ok(Mended::Missing) };
    if found.state == InvitationState::Pending {
        return Ok(Mended::AtWork);
    }
    let (picture, crop) = match &mend {
        Mend::Retry => (found.picture, found.crop.map(|crop| crop.0)),
        Mend::Picture(key) => (Some(format!("store:{key}")), None),
        Mend::Crop(_) if found.picture.is_none() => return Ok(Mended::NoPicture),
        Mend::Crop(area) => (found.picture, Some(*area)),
    };
    // Locked before its jobs are, as everywhere.
    query("update batches set sweeping = sweeping where workspace_id = $1 and id = $2")
        .bind(workspace_id)
        .bind(found.batch_id)
        .execute(&mut *tx)
        .await?;
    let now = tx.db().now();
    // Only from the state that was seen, so that it is counted back once.
    let changed = query(
        "update invitations set state = 'pending', reason = null, step = $4, rendering = null, crop = $5,
           updated_at = $6
         where workspace_id = $1 and id = $2 and state = $3",
    )
    .bind(workspace_id)
    .bind(invitation_id)
    .bind(found.state.as_str())
    .bind(if picture.is_some() { "picture" } else { "render" })
    .bind(crop.map(|area| serde_json::to_value(area).expect("an area is plain data")))
    .bind(now)
    .execute(&mut *tx)
    .await?;
    if changed == 0 {
        return Ok(Mended::AtWork);
    }
    if let Mend::Picture(_) = &mend {
        herald_contacts::set_picture(&mut *tx, workspace_id, found.contact_id, picture.clone()).await?;
    }
    reopen(tx, workspace_id, &found.state, (found.run_id, found.batch_id)).await?;
    let job = prepare::first_step(workspace_id, invitation_id, picture.as_deref(), found.batch_id);
    ledger::enqueue(tx, vec![job]).await?;
    audit::record(tx, by, Entry::of(mend.action(), invitation_id).affecting(1)).await?;
    Ok(Mended::Again)
}

/// The run goes on, and counts its guest as one who waits.
async fn reopen(
    tx: &mut Tx,
    workspace_id: Uuid,
    was: &InvitationState,
    (run_id, batch_id): (Uuid, Uuid),
) -> Result<(), LedgerError> {
    query(
        "update batches set state = 'running', sweeping = false, finished_at = null where workspace_id = $1 \
        and id = $2",
    )
    .bind(workspace_id)
    .bind(batch_id)
    .execute(&mut *tx)
    .await?;
    query(
        "update invitation_runs set state = 'running', finished_at = null
         where workspace_id = $1 and id = $2 and state in ('complete', 'cancelled') and imported",
    )
    .bind(workspace_id)
    .bind(run_id)
    .execute(&mut *tx)
    .await?;
    let tally = match was {
        InvitationState::Made => Tally { made: -1, ..Tally::default() },
        InvitationState::Failed => Tally { failed: -1, ..Tally::default() },
        InvitationState::Cancelled => Tally { cancelled: -1, ..Tally::default() },
        InvitationState::Pending => Tally::default(),
    };
    run::count(tx, workspace_id, run_id, tally).await?;
    Ok(())
}
