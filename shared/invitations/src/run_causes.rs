//! Why guests of a run have no invitation: failures of one cause, with their count.

use herald_base::boxed;
use serde::Serialize;
use uuid::Uuid;

use super::run_guests::UNKNOWN_CAUSE;
use herald_db::{Db, FromRow, Result, query};
use herald_ledger::cause;

/// Failed guests of a run whose failures have one cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RunCause {
    /// The cause, for filters and for a retry.
    pub cause: String,
    /// The number of guests.
    pub guests: i64,
    /// What the failures have in common.
    pub reason: String,
    /// The reason of one of them, and what to do about it.
    pub example: String,
}

#[derive(FromRow)]
struct Row {
    cause: Option<String>,
    guests: i64,
    example: Option<String>,
}

/// The causes of a run's failures, those of most guests first, at most `limit`.
#[boxed]
pub async fn run_causes(db: &Db, workspace_id: Uuid, run_id: Uuid, limit: usize) -> Result<Vec<RunCause>> {
    // The inner statement reads an index alone; only the examples are rows.
    let rows: Vec<Row> = query(
        "select counted.cause, counted.guests,
                (select reason from invitations as i
                 where i.workspace_id = $1 and i.run_id = $2 and i.state = 'failed' and i.cause = counted.cause
                 order by i.number_index limit 1) as example
         from (select cause, count(*) as guests from invitations
               where workspace_id = $1 and run_id = $2 and state = 'failed'
               group by cause order by count(*) desc, cause limit $3) as counted
         order by counted.guests desc, counted.cause",
    )
    .bind(workspace_id)
    .bind(run_id)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .all(db)
    .await?;
    let told = rows.into_iter().map(|Row { cause: fingerprint, guests, example }| {
        let Some(fingerprint) = fingerprint else {
            let reason = "failed before Herald sorted failures by their cause".to_owned();
            return RunCause { cause: UNKNOWN_CAUSE.to_owned(), guests, example: reason.clone(), reason };
        };
        let example = example.unwrap_or_default();
        let reason = if guests == 1 { example.clone() } else { cause(&example).pattern };
        RunCause { cause: fingerprint, guests, reason, example }
    });
    Ok(told.collect())
}
