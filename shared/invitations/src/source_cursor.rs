//! How far a source outside has been read for an event, over all its runs: the next run begins there.

use herald_base::boxed;
use uuid::Uuid;

use herald_db::{Db, Result, Tx, query};

/// How far a source of an event was read; 0 if it never was.
#[boxed]
pub async fn source_cursor(db: &Db, event_id: Uuid, connection_id: Uuid, selection: &str) -> Result<i64> {
    let found: Option<(i64,)> =
        query("select read_to from source_cursors where event_id = $1 and connection_id = $2 and selection = $3")
            .bind(event_id)
            .bind(connection_id)
            .bind(selection)
            .optional(db)
            .await?;
    Ok(found.map_or(0, |(read_to,)| read_to))
}

/// Notes that a source was read to there. It never goes back.
#[boxed]
pub async fn move_source_cursor(
    tx: &mut Tx,
    event_id: Uuid,
    connection_id: Uuid,
    selection: &str,
    read_to: i64,
) -> Result<()> {
    query(
        "insert into source_cursors (event_id, connection_id, selection, read_to, updated_at) values ($1, $2, $3, $4, \
         $5)
         on conflict (event_id, connection_id, selection) do update
           set read_to = excluded.read_to, updated_at = excluded.updated_at where source_cursors.read_to < \
           excluded.read_to",
    )
    .bind(event_id)
    .bind(connection_id)
    .bind(selection)
    .bind(read_to)
    .bind(tx.db().now())
    .execute(tx)
    .await?;
    Ok(())
}
