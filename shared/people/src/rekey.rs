//! Addresses of accounts from before domains were compared in their ASCII form get the key they would get now.

use herald_base::boxed;
use uuid::Uuid;

use super::{Address, Result};
use herald_db::{Db, EngineKind, FromRow, query};

/// As many rows are read at once.
const PAGE: i64 = 500;

#[derive(FromRow)]
struct Row {
    id: Uuid,
    email_key: String,
}

/// What [`rekey`] did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rekeyed {
    /// Accounts and invitations that have another key now.
    pub changed: u64,
    /// Accounts whose new key another account has. Nothing was merged: each is found by its own spelling of the
    /// address.
    pub twins: Vec<Uuid>,
}

/// Gives keys their new form. Safe to run at every start, beside others, and again after it was killed: a key in its
/// new form stays as it is.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn rekey(db: &Db) -> Result<Rekeyed> {
    let mut done = Rekeyed::default();
    let mut after = Uuid::nil();
    loop {
        let rows = other_than_ascii(db, "users", after).await?;
        let Some(last) = rows.last() else { break };
        after = last.id;
        for row in rows {
            let Some(key) = new_key(&row.email_key) else { continue };
            let mut tx = db.begin().await?;
            let changed = query(
                "update users set email_key = $2, version = version + 1, updated_at = $4 where id = $1 \
                 and email_key = $3
                 and not exists (select 1 from users as other where other.email_key = $2)",
            )
            .bind(row.id)
            .bind(key.as_str())
            .bind(row.email_key.as_str())
            .bind(db.now())
            .execute(&mut tx)
            .await?;
            let taken: Option<(Uuid,)> = query("select id from users where email_key = $1 and id <> $2")
                .bind(key)
                .bind(row.id)
                .optional(&mut tx)
                .await?;
            tx.commit().await?;
            done.changed += changed;
            if changed == 0 && taken.is_some() {
                done.twins.push(row.id);
            }
        }
    }
    after = Uuid::nil();
    loop {
        let rows = other_than_ascii(db, "workspace_invitations", after).await?;
        let Some(last) = rows.last() else { break };
        after = last.id;
        for row in rows {
            let Some(key) = new_key(&row.email_key) else { continue };
            let mut tx = db.begin().await?;
            done.changed += query("update workspace_invitations set email_key = $2 where id = $1 and email_key = $3")
                .bind(row.id)
                .bind(key)
                .bind(row.email_key)
                .execute(&mut tx)
                .await?;
            tx.commit().await?;
        }
    }
    if !done.twins.is_empty() {
        tracing::warn!(
            accounts = ?done.twins,
            "some accounts have the same address, written differently: deactivate one account of each pair"
        );
    }
    Ok(done)
}

/// Rows whose key has other letters than ASCII's, which are few: only their keys can change.
async fn other_than_ascii(db: &Db, table: &str, after: Uuid) -> Result<Vec<Row>> {
    let longer = match db.kind() {
        EngineKind::Sqlite => "length(cast(email_key as blob)) > length(email_key)",
        EngineKind::Postgres => "octet_length(email_key) > length(email_key)",
    };
    let sql = format!("select id, email_key from {table} where id > $1 and {longer} order by id limit $2");
    Ok(query(&sql).bind(after).bind(PAGE).all(db).await?)
}

fn new_key(old: &str) -> Option<String> {
    let address = Address::parse(old).ok()?;
    (address.key() != old).then(|| address.key().to_owned())
}
