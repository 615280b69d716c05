//! An invitation has ended: made, failed or cancelled. It is counted once, in its run.

use std::collections::BTreeMap;

use futures::FutureExt;
use herald_contacts::{Invited, note_invited};
use uuid::Uuid;

use super::{
    super::run::{Tally, count},
    Written, ordered,
};
use crate::InvitationState;
use herald_db::{Bulk, FromRow, Result, Tx};
use herald_ledger::{Effect, cause};

/// The contact has the link: the guest has an invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The invitation.
    pub invitation_id: Uuid,
}

/// The guest gets no invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvitationEnded {
    /// Until a person helps.
    Failed {
        /// The invitation.
        invitation_id: Uuid,
        /// Why, and what to do.
        reason: String,
    },
    /// A person stopped it.
    Cancelled {
        /// The invitation.
        invitation_id: Uuid,
    },
}

impl InvitationEnded {
    fn invitation_id(&self) -> Uuid {
        match self {
            Self::Failed { invitation_id, .. } | Self::Cancelled { invitation_id } => *invitation_id,
        }
    }
}

/// An invitation on its way to an end.
struct Ending {
    workspace_id: Uuid,
    invitation_id: Uuid,
    state: InvitationState,
    reason: Option<String>,
    /// What the reason has in common with those of other guests.
    cause: Option<String>,
}

/// An invitation that ended just now, and not before.
#[derive(FromRow)]
struct Ended {
    id: Uuid,
    workspace_id: Uuid,
    run_id: Uuid,
    contact_id: Uuid,
    /// The one outside, if the invitation lies there.
    link: String,
    lucky_number: String,
    #[sqlx(try_from = "String")]
    state: InvitationState,
}

impl Effect for Published {
    fn write_all<'a>(changes: Vec<(Uuid, &'a Self)>, tx: &'a mut Tx) -> Written<'a> {
        async move {
            let changes = ordered(changes, |change| change.invitation_id);
            let endings = changes.into_iter().map(|(workspace_id, change)| Ending {
                workspace_id,
                invitation_id: change.invitation_id,
                state: InvitationState::Made,
                reason: None,
                cause: None,
            });
            let ended = end(tx, endings.collect()).await?;
            let invited = ended.into_iter().map(|ended| Invited {
                workspace_id: ended.workspace_id,
                contact_id: ended.contact_id,
                lucky_number: ended.lucky_number,
                link: ended.link,
                invitation_id: ended.id,
                run_id: ended.run_id,
            });
            note_invited(tx, invited.collect()).await
        }
        .boxed()
    }
}

impl Effect for InvitationEnded {
    fn write_all<'a>(changes: Vec<(Uuid, &'a Self)>, tx: &'a mut Tx) -> Written<'a> {
        async move {
            let changes = ordered(changes, InvitationEnded::invitation_id);
            let endings = changes.into_iter().map(|(workspace_id, change)| {
                let (state, reason) = match change {
                    Self::Failed { reason, .. } => (InvitationState::Failed, Some(reason.clone())),
                    Self::Cancelled { .. } => (InvitationState::Cancelled, None),
                };
                let cause = reason.as_deref().map(|reason| cause(reason).fingerprint);
                Ending { workspace_id, invitation_id: change.invitation_id(), state, reason, cause }
            });
            end(tx, endings.collect()).await.map(drop)
        }
        .boxed()
    }
}

/// Ends pending invitations and counts them in their runs. Returns those that had not ended before.
async fn end(tx: &mut Tx, endings: Vec<Ending>) -> Result<Vec<Ended>> {
    let now = tx.db().now();
    let ended: Vec<Ended> = Bulk::new(
        "update invitations set state = rows.state, reason = rows.reason, cause = rows.cause,
           step = case when rows.state = 'made' then 'done' else step end, updated_at = rows.at
         from {rows}
         where invitations.workspace_id = rows.workspace_id and invitations.id = rows.id \
         and invitations.state = 'pending'
         returning invitations.id, invitations.workspace_id, run_id, contact_id, lucky_number, invitations.state,
           coalesce((select u.link from uploads as u where u.workspace_id = invitations.workspace_id
                       and u.invitation_id = invitations.id), invitations.link) as link",
    )
    .column("workspace_id", endings.iter().map(|ending| ending.workspace_id).collect())
    .column("id", endings.iter().map(|ending| ending.invitation_id).collect())
    .column("state", endings.iter().map(|ending| ending.state.to_string()).collect())
    .column("reason", endings.iter().map(|ending| ending.reason.clone()).collect())
    .column("cause", endings.iter().map(|ending| ending.cause.clone()).collect())
    .column("at", endings.iter().map(|_| now).collect())
    .all(tx)
    .await?;
    let mut tallies: BTreeMap<(Uuid, Uuid), Tally> = BTreeMap::new();
    for invitation in &ended {
        let tally = tallies.entry((invitation.workspace_id, invitation.run_id)).or_default();
        match invitation.state {
            InvitationState::Made => tally.made += 1,
            InvitationState::Failed => tally.failed += 1,
            InvitationState::Cancelled | InvitationState::Pending => tally.cancelled += 1,
        }
    }
    for ((workspace_id, run_id), tally) in tallies {
        count(tx, workspace_id, run_id, tally).await?;
    }
    Ok(ended)
}
