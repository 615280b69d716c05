//! The job of an export has failed, was stopped, or is tried again.

use futures::{FutureExt, future::BoxFuture};
use serde_json::Value;
use uuid::Uuid;

use super::ExportState;
use herald_db::{Bulk, Result, Tx};
use herald_ledger::{Change, Effect, End};

/// The step of an export into another state.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ExportTurned {
    export_id: Uuid,
    to: ExportState,
    reason: Option<String>,
}

/// What the end of its job means for an export.
pub(crate) fn end_of(args: &Value, end: End<'_>) -> Vec<Change> {
    let Some(export_id) = args["export_id"].as_str().and_then(|id| id.parse().ok()) else { return Vec::new() };
    let (to, reason) = match end {
        End::Dead(reason) => (ExportState::Failed, Some(reason.to_owned())),
        End::Cancelled => (ExportState::Cancelled, None),
        End::Retried => (ExportState::Running, None),
    };
    vec![ExportTurned { export_id, to, reason }.into()]
}

impl Effect for ExportTurned {
    fn write_all<'a>(mut changes: Vec<(Uuid, &'a Self)>, tx: &'a mut Tx) -> BoxFuture<'a, Result<()>> {
        // Rows are locked in the order of ids.
        changes.sort_by_key(|(workspace_id, change)| (*workspace_id, change.export_id));
        Bulk::new(
            "update exports set state = rows.state, reason = rows.reason
             from {rows} where exports.workspace_id = rows.workspace_id and exports.id = rows.id
               and exports.state in ('running', 'failed', 'cancelled')
               and (exports.state = 'running' or rows.state = 'running')",
        )
        .column("workspace_id", changes.iter().map(|(workspace_id, _)| *workspace_id).collect())
        .column("id", changes.iter().map(|(_, change)| change.export_id).collect())
        .column("state", changes.iter().map(|(_, change)| change.to.as_str().to_owned()).collect())
        .column("reason", changes.iter().map(|(_, change)| change.reason.clone()).collect())
        .execute(tx)
        .boxed()
    }
}
