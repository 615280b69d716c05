//! What a finished job changes of invitations and runs.

mod ended;
mod import;
mod reopened;
mod step;

use futures::future::BoxFuture;
use serde_json::Value;
use uuid::Uuid;

pub use self::{
    ended::{InvitationEnded, Published},
    import::{RunEnded, RunReopened},
    reopened::InvitationReopened,
    step::{Outside, PortraitReady, Rendered, Uploaded},
};
use herald_db::Result;
use herald_ledger::{Change, End};

/// Sorts the changes of a commit for one statement, each with its workspace. Every statement that locks many rows takes
/// them in this order.
fn ordered<E>(mut changes: Vec<(Uuid, &E)>, id: impl Fn(&E) -> Uuid) -> Vec<(Uuid, &E)> {
    changes.sort_by_key(|(workspace_id, change)| (*workspace_id, id(change)));
    changes
}

type Written<'a> = BoxFuture<'a, Result<()>>;

/// The id at the top of a job's arguments, whatever else they hold.
fn id(args: &Value, name: &str) -> Option<Uuid> {
    args.get(name)?.as_str()?.parse().ok()
}

/// What the end of a step of an invitation means: the guest gets none, until a person helps.
pub fn end_of_step(args: &Value, end: End<'_>) -> Vec<Change> {
    let Some(invitation_id) = id(args, "invitation_id") else { return Vec::new() };
    vec![match end {
        End::Dead(reason) => InvitationEnded::Failed { invitation_id, reason: reason.to_owned() }.into(),
        End::Cancelled => InvitationEnded::Cancelled { invitation_id }.into(),
        End::Retried => InvitationReopened { invitation_id }.into(),
    }]
}

/// What the end of reading a list means for its run.
pub fn end_of_import(args: &Value, end: End<'_>) -> Vec<Change> {
    let Some(run_id) = id(args, "run_id") else { return Vec::new() };
    vec![match end {
        End::Dead(reason) => RunEnded::Failed { run_id, reason: reason.to_owned() }.into(),
        End::Cancelled => RunEnded::Cancelled { run_id }.into(),
        End::Retried => RunReopened { run_id }.into(),
    }]
}
