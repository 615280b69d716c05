//! The problems of rows of a list.

use herald_base::boxed;
use serde::Serialize;
use uuid::Uuid;

use herald_db::{Bulk, Db, FromRow, Result, Tx, query};

/// A problem of one row of a run's guest list.
#[derive(Clone, Debug, FromRow, Serialize, PartialEq, Eq, utoipa::ToSchema)]
pub struct ImportProblem {
    /// The 1-based line where the row begins.
    pub line: i64,
    /// The guest's name, if the row has a name.
    pub guest: String,
    /// Whether Herald left the row out because of the problem.
    pub fatal: bool,
    /// What is wrong and what to do about it.
    pub message: String,
}

/// Stores remarks; one that is there already is stored once.
#[boxed]
pub async fn add_problems(tx: &mut Tx, workspace_id: Uuid, run_id: Uuid, problems: &[ImportProblem]) -> Result<()> {
    let ids: Vec<Uuid> = problems.iter().map(|_| tx.db().new_id()).collect();
    Bulk::new(
        "insert into import_problems (id, workspace_id, run_id, line, guest, fatal, message)
         select id, workspace_id, run_id, line, guest, fatal, message from {rows} where true
         on conflict (run_id, line, message) do nothing",
    )
    .column("id", ids.into_iter().collect())
    .column("workspace_id", problems.iter().map(|_| workspace_id).collect())
    .column("run_id", problems.iter().map(|_| run_id).collect())
    .column("line", problems.iter().map(|problem| problem.line).collect())
    .column("guest", problems.iter().map(|problem| problem.guest.clone()).collect())
    .column("fatal", problems.iter().map(|problem| problem.fatal).collect())
    .column("message", problems.iter().map(|problem| problem.message.clone()).collect())
    .execute(tx)
    .await
}

/// The remarks of a run by line, at most `limit`.
#[boxed]
pub async fn list_problems(db: &Db, workspace_id: Uuid, run_id: Uuid, limit: usize) -> Result<Vec<ImportProblem>> {
    read(db, workspace_id, run_id, false, limit).await
}

/// The rows of a run's list that Herald refused as guests, by line, at most `limit`.
#[boxed]
pub async fn refused_rows(db: &Db, workspace_id: Uuid, run_id: Uuid, limit: usize) -> Result<Vec<ImportProblem>> {
    read(db, workspace_id, run_id, true, limit).await
}

async fn read(db: &Db, workspace_id: Uuid, run_id: Uuid, only_fatal: bool, limit: usize) -> Result<Vec<ImportProblem>> {
    let mut problems: Vec<ImportProblem> = query(
        "select line, guest, fatal, message from import_problems
         where workspace_id = $1 and run_id = $2 and (fatal or not $3) order by line, message limit $4",
    )
    .bind(workspace_id)
    .bind(run_id)
    .bind(only_fatal)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .all(db)
    .await?;
    // The remarks of a line are sorted here: PostgreSQL would sort by the rules of its locale.
    problems.sort_by(|a, b| (a.line, &a.message).cmp(&(b.line, &b.message)));
    Ok(problems)
}
