//! Reading a run's list has ended without reaching its end, or is begun again.

use futures::FutureExt;
use uuid::Uuid;

use super::{Written, ordered};
use crate::RunState;
use herald_db::{Bulk, Tx};
use herald_ledger::Effect;

/// The list was not read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEnded {
    /// It could not be read.
    Failed {
        /// The run.
        run_id: Uuid,
        /// Why, and what to do.
        reason: String,
    },
    /// A person stopped it.
    Cancelled {
        /// The run.
        run_id: Uuid,
    },
}

impl RunEnded {
    fn run_id(&self) -> Uuid {
        match self {
            Self::Failed { run_id, .. } | Self::Cancelled { run_id } => *run_id,
        }
    }
}

impl Effect for RunEnded {
    fn write_all<'a>(changes: Vec<(Uuid, &'a Self)>, tx: &'a mut Tx) -> Written<'a> {
        let changes = ordered(changes, RunEnded::run_id);
        let now = tx.db().now();
        let said = |change: &RunEnded| match change {
            Self::Failed { reason, .. } => (RunState::Failed, Some(reason.clone())),
            Self::Cancelled { .. } => (RunState::Cancelled, None),
        };
        Bulk::new(
            "update invitation_runs set state = rows.state, reason = coalesce(rows.reason, invitation_runs.reason), \
             finished_at = rows.at
             from {rows}
             where invitation_runs.workspace_id = rows.workspace_id and invitation_runs.id = rows.id
               and invitation_runs.state in ('importing', 'running')",
        )
        .column("workspace_id", changes.iter().map(|(workspace_id, _)| *workspace_id).collect())
        .column("id", changes.iter().map(|(_, change)| change.run_id()).collect())
        .column("state", changes.iter().map(|(_, change)| said(change).0.to_string()).collect())
        .column("reason", changes.iter().map(|(_, change)| said(change).1).collect())
        .column("at", changes.iter().map(|_| now).collect())
        .execute(tx)
        .boxed()
    }
}

/// A person has the import of a run tried again that did not reach the end of its list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunReopened {
    /// The run.
    pub run_id: Uuid,
}

impl Effect for RunReopened {
    fn write_all<'a>(changes: Vec<(Uuid, &'a Self)>, tx: &'a mut Tx) -> Written<'a> {
        let changes = ordered(changes, |change| change.run_id);
        Bulk::new(
            "update invitation_runs set state = 'importing', reason = null, finished_at = null from {rows}
             where invitation_runs.workspace_id = rows.workspace_id and invitation_runs.id = rows.id
               and state in ('failed', 'cancelled') and not imported",
        )
        .column("workspace_id", changes.iter().map(|(workspace_id, _)| *workspace_id).collect())
        .column("id", changes.iter().map(|(_, change)| change.run_id).collect())
        .execute(tx)
        .boxed()
    }
}
