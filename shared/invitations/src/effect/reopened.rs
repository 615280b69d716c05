//! A step of a failed or cancelled invitation is tried again.

use std::collections::{BTreeMap, HashMap};

use futures::FutureExt;
use uuid::Uuid;

use super::{
    super::run::{Tally, count},
    Written, ordered,
};
use crate::InvitationState;
use herald_db::{Bulk, FromRow, Tx};
use herald_ledger::Effect;

/// A person has a step of a failed or cancelled invitation tried again: it is pending, at the step where it ended, and
/// its run goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationReopened {
    /// The invitation.
    pub invitation_id: Uuid,
}

#[derive(FromRow)]
struct Ended {
    workspace_id: Uuid,
    id: Uuid,
    #[sqlx(try_from = "String")]
    state: InvitationState,
}

#[derive(FromRow)]
struct Reopened {
    workspace_id: Uuid,
    id: Uuid,
    run_id: Uuid,
}

impl Effect for InvitationReopened {
    fn write_all<'a>(changes: Vec<(Uuid, &'a Self)>, tx: &'a mut Tx) -> Written<'a> {
        async move {
            let changes = ordered(changes, |change| change.invitation_id);
            let now = tx.db().now();
            let ended: Vec<Ended> = Bulk::new(
                "select invitations.workspace_id, invitations.id, state from {rows}
                 join invitations on invitations.workspace_id = rows.workspace_id and invitations.id = rows.id
                 where state in ('failed', 'cancelled')",
            )
            .column("workspace_id", changes.iter().map(|(workspace_id, _)| *workspace_id).collect())
            .column("id", changes.iter().map(|(_, change)| change.invitation_id).collect())
            .all(&mut *tx)
            .await?;
            if ended.is_empty() {
                return Ok(());
            }
            // Only from the state that was seen, so that each is counted back once.
            let reopened: Vec<Reopened> = Bulk::new(
                "update invitations set state = 'pending', reason = null, updated_at = rows.at from {rows}
                 where invitations.workspace_id = rows.workspace_id and invitations.id = rows.id
                   and invitations.state = rows.was
                 returning invitations.workspace_id, invitations.id, invitations.run_id",
            )
            .column("workspace_id", ended.iter().map(|ended| ended.workspace_id).collect())
            .column("id", ended.iter().map(|ended| ended.id).collect())
            .column("was", ended.iter().map(|ended| ended.state.to_string()).collect())
            .column("at", ended.iter().map(|_| now).collect())
            .all(&mut *tx)
            .await?;
            let was: HashMap<Uuid, InvitationState> = ended.into_iter().map(|ended| (ended.id, ended.state)).collect();
            let mut tallies: BTreeMap<(Uuid, Uuid), Tally> = BTreeMap::new();
            for invitation in reopened {
                let tally = tallies.entry((invitation.workspace_id, invitation.run_id)).or_default();
                if was.get(&invitation.id) == Some(&InvitationState::Failed) {
                    tally.failed -= 1
                } else {
                    tally.cancelled -= 1
                }
            }
            Bulk::new(
                "update invitation_runs set state = 'running', finished_at = null from {rows}
                 where invitation_runs.workspace_id = rows.workspace_id and invitation_runs.id = rows.id
                   and state in ('complete', 'cancelled') and imported",
            )
            .column("workspace_id", tallies.keys().map(|(workspace_id, _)| *workspace_id).collect())
            .column("id", tallies.keys().map(|(_, run_id)| *run_id).collect())
            .execute(&mut *tx)
            .await?;
            for ((workspace_id, run_id), tally) in tallies {
                count(tx, workspace_id, run_id, tally).await?;
            }
            Ok(())
        }
        .boxed()
    }
}
