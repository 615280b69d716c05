//! Draws an invitation anew that was made already: the guest keeps number and link.

use uuid::Uuid;

use super::{prepare, run};
use herald_db::{Db, FromRow, Tx, query};
use herald_ledger as ledger;
use herald_ledger::LedgerError;

/// Which steps are done again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedrawFrom {
    /// The crop of the guest's face, if there is a picture.
    Picture,
    /// The drawing.
    Drawing,
}

/// An invitation whose file is damaged or belongs to another.
#[derive(Clone, Copy, Debug)]
pub struct Redraw<'a> {
    /// The invitation.
    pub invitation_id: Uuid,
    /// The file it has. If it has another by now, nothing is done.
    pub file: &'a str,
    /// The step from which it is made again.
    pub from: RedrawFrom,
}

#[derive(FromRow)]
struct Made {
    run_id: Uuid,
    batch_id: Uuid,
    picture: Option<String>,
}

/// Has an invitation drawn anew that is made, but whose file is damaged or another guest's. Returns whether it was.
pub async fn redraw(db: &Db, workspace_id: Uuid, what: Redraw<'_>) -> Result<bool, LedgerError> {
    let mut tx = db.begin().await?;
    let drawn = redraw_in(&mut tx, workspace_id, what).await?;
    tx.commit().await?;
    Ok(drawn)
}

/// As [`redraw`], in a transaction.
pub(super) async fn redraw_in(tx: &mut Tx, workspace_id: Uuid, what: Redraw<'_>) -> Result<bool, LedgerError> {
    let made: Option<Made> = query(
        "select i.run_id, r.batch_id, c.picture
         from invitations as i
         join invitation_runs as r on r.workspace_id = i.workspace_id and r.id = i.run_id
         join contacts as c on c.workspace_id = i.workspace_id and c.id = i.contact_id
         where i.workspace_id = $1 and i.id = $2 and i.state = 'made' and i.file = $3",
    )
    .bind(workspace_id)
    .bind(what.invitation_id)
    .bind(what.file)
    .optional(&mut *tx)
    .await?;
    let Some(Made { run_id, batch_id, picture }) = made else { return Ok(false) };
    let picture = picture.filter(|_| what.from == RedrawFrom::Picture);
    let changed = query(
        "update invitations set state = 'pending', step = $4, rendering = null, updated_at = $5
         where workspace_id = $1 and id = $2 and state = 'made' and file = $3",
    )
    .bind(workspace_id)
    .bind(what.invitation_id)
    .bind(what.file)
    .bind(if picture.is_some() { "picture" } else { "render" })
    .bind(tx.db().now())
    .execute(&mut *tx)
    .await?;
    if changed == 0 {
        return Ok(false);
    }
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
         where workspace_id = $1 and id = $2 and state = 'complete' and imported",
    )
    .bind(workspace_id)
    .bind(run_id)
    .execute(&mut *tx)
    .await?;
    run::count(tx, workspace_id, run_id, run::Tally { made: -1, ..Default::default() }).await?;
    let job = prepare::first_step(workspace_id, what.invitation_id, picture.as_deref(), batch_id);
    ledger::enqueue(tx, vec![job]).await?;
    Ok(true)
}
