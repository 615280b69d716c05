//! Finding schedules and queues by a part of their name.

use herald_base::boxed;
use uuid::Uuid;

use herald_db::{Db, FromRow, Result, contains, query};

/// A schedule.
#[derive(Clone, Debug, FromRow)]
pub struct FoundSchedule {
    /// The schedule.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// The kind of its jobs.
    pub kind: String,
    /// Whether it is paused.
    pub paused: bool,
}

/// The schedules of a workspace with `words` in their name or in the kind of their jobs.
#[boxed]
pub async fn search_schedules(db: &Db, workspace_id: Uuid, words: &str, limit: usize) -> Result<Vec<FoundSchedule>> {
    query(
        "select id, name, kind, paused from schedules
         where workspace_id = $1 and (lower(name) like $2 escape '\\' or kind like $2 escape '\\')
         order by name limit $3",
    )
    .bind(workspace_id)
    .bind(contains(&words.to_lowercase()))
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .all(db)
    .await
}

/// The names of the installation's queues that have `words` in them.
#[boxed]
pub async fn search_queues(db: &Db, words: &str, limit: usize) -> Result<Vec<String>> {
    let found: Vec<(String,)> =
        query("select name from queues where lower(name) like $1 escape '\\' order by name limit $2")
            .bind(contains(&words.to_lowercase()))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .all(db)
            .await?;
    Ok(found.into_iter().map(|(name,)| name).collect())
}
