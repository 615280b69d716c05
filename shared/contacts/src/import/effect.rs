//! A job of an import has failed, was stopped, or is tried again.

use futures::{FutureExt, future::BoxFuture};
use serde_json::Value;
use uuid::Uuid;

use super::ImportState;
use herald_db::{Bulk, Result, Tx};
use herald_ledger::{Change, Effect, End};

/// The step of an import into another state.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ImportTurned {
    import_id: Uuid,
    /// The state that its job works in.
    works: ImportState,
    to: ImportState,
    reason: Option<String>,
}

/// What the end of a job means for its import, which is in the state `works` while the job runs.
pub(crate) fn end_of(works: ImportState, args: &Value, end: End<'_>) -> Vec<Change> {
    let Some(import_id) = args["import_id"].as_str().and_then(|id| id.parse().ok()) else { return Vec::new() };
    let (to, reason) = match end {
        End::Dead(reason) => (ImportState::Failed, Some(reason.to_owned())),
        End::Cancelled => (ImportState::Cancelled, None),
        End::Retried => (works, None),
    };
    vec![ImportTurned { import_id, works, to, reason }.into()]
}

impl Effect for ImportTurned {
    fn write_all<'a>(mut changes: Vec<(Uuid, &'a Self)>, tx: &'a mut Tx) -> BoxFuture<'a, Result<()>> {
        // Rows are locked in the order of ids.
        changes.sort_by_key(|(workspace_id, change)| (*workspace_id, change.import_id));
        let now = tx.db().now();
        Bulk::new(
            "update imports set state = rows.state, reason = rows.reason,
               finished_at = case when rows.state = rows.works then null else coalesce(imports.finished_at, rows.at) end
             from {rows} where imports.workspace_id = rows.workspace_id and imports.id = rows.id
               and (imports.state = rows.works
                    or rows.state = rows.works and imports.state in ('failed', 'cancelled'))",
        )
        .column("workspace_id", changes.iter().map(|(workspace_id, _)| *workspace_id).collect())
        .column("id", changes.iter().map(|(_, change)| change.import_id).collect())
        .column("works", changes.iter().map(|(_, change)| change.works.as_str().to_owned()).collect())
        .column("state", changes.iter().map(|(_, change)| change.to.as_str().to_owned()).collect())
        .column("reason", changes.iter().map(|(_, change)| change.reason.clone()).collect())
        .column("at", changes.iter().map(|_| now).collect())
        .execute(tx)
        .boxed()
    }
}
