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
    cause: String,
    guests: i64,
    example: Option<String>,
}

/// The causes of a run's failures, those of most guests first, at most `limit`.
#[boxed]
pub async fn run_causes(db: &Db, workspace_id: Uuid, run_id: Uuid, limit: usize) -> Result<Vec<RunCause>> {
    let rows: Vec<Row> = query(&format!(
        "select coalesce(cause, '{UNKNOWN_CAUSE}') as cause, count(*) as guests, min(reason) as example
         from invitations where workspace_id = $1 and run_id = $2 and state = 'failed'
         group by coalesce(cause, '{UNKNOWN_CAUSE}') order by count(*) desc, 1 limit $3"
    ))
    .bind(workspace_id)
    .bind(run_id)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .all(db)
    .await?;
    let told = rows.into_iter().map(|row| {
        let example = row.example.unwrap_or_default();
        let reason = match row.cause == UNKNOWN_CAUSE {
            true => "failed before Herald sorted failures by their cause".to_owned(),
            false if row.guests == 1 => example.clone(),
            false => cause(&example).pattern,
        };
        RunCause { cause: row.cause, guests: row.guests, reason, example }
    });
    Ok(told.collect())
}
