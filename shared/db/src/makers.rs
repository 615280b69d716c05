//! Fills in the makers of rows from an older version. That version stored the maker as a text, which no portable
//! statement converts into an id.

use uuid::Uuid;

use super::{Db, Result, Tx, query};

const TABLES: &[&str] = &["api_tokens", "workspace_invitations"];

/// Stores the missing makers. It may run repeatedly, because processes of the older version may still create keys.
pub(super) async fn note(db: &Db) -> Result<()> {
    for table in TABLES {
        // Ids are in order of creation: a key comes before the rows that were made with it.
        let unknown: Vec<(Uuid, String)> = query(&format!(
            "select id, created_by from {table} where maker_id is null and maker_key_id is null
             and (created_by like 'user:%' or created_by like 'key:%') order by id"
        ))
        .all(db)
        .await?;
        if unknown.is_empty() {
            continue;
        }
        let mut tx = db.begin().await?;
        for (id, created_by) in unknown {
            note_one(&mut tx, table, id, &created_by).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}

async fn note_one(tx: &mut Tx, table: &str, id: Uuid, created_by: &str) -> Result<()> {
    let Some((what, rest)) = created_by.split_once(':') else { return Ok(()) };
    let named = rest.split(' ').next().and_then(|named| named.parse::<Uuid>().ok());
    let Some(named) = named else { return Ok(()) };
    let (maker, key) = if what == "user" {
        (Some(named), None)
    } else {
        let of_key: Option<(Option<Uuid>,)> =
            query("select maker_id from api_tokens where id = $1").bind(named).optional(&mut *tx).await?;
        // The key was deleted, so no person is behind it any more.
        (of_key.map_or(Some(Uuid::nil()), |(maker,)| maker), Some(named))
    };
    query(&format!("update {table} set maker_id = $2, maker_key_id = $3 where id = $1"))
        .bind(id)
        .bind(maker)
        .bind(key)
        .execute(tx)
        .await?;
    Ok(())
}
