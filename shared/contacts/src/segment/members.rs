//! Whom a rule means, written into a table of another domain.

use herald_base::boxed;
use uuid::Uuid;

use super::{Result, Rule};
use crate::{ContactFilter, find::Statement};
use herald_db::{EngineKind, Tx};

/// A table with a workspace, an owner and a contact in each row, unique together.
#[derive(Clone, Copy, Debug)]
pub struct MemberTable {
    /// The table.
    pub table: &'static str,
    /// The column of the owner.
    pub owner: &'static str,
}

/// Writes the contacts whom a rule means, by one statement: it sees one state of the database. Contacts that are there
/// already stay. Segments that the rule names must have been put in ([`whole_rule`](crate::whole_rule)). Returns how
/// many were written.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn write_members(tx: &mut Tx, workspace_id: Uuid, rule: Rule, into: MemberTable, owner: Uuid) -> Result<u64> {
    let mut statement = Statement::default();
    let workspace = statement.bind(workspace_id);
    let owner = statement.bind(owner);
    ContactFilter { rule: Some(rule), ..ContactFilter::default() }.add_to(&mut statement, &workspace, tx.db());
    // SQLite goes through the contacts by id, and sorts nothing.
    let column = match tx.engine() {
        EngineKind::Postgres => "c.workspace_id",
        EngineKind::Sqlite => "+c.workspace_id",
    };
    // PostgreSQL takes a bare parameter in a list of columns for text.
    let owner = match tx.engine() {
        EngineKind::Postgres => format!("{owner}::uuid"),
        EngineKind::Sqlite => owner,
    };
    let MemberTable { table, owner: owner_column } = into;
    let sql = format!(
        "insert into {table} (workspace_id, {owner_column}, contact_id)
         select c.workspace_id, {owner}, c.id from contacts as c where {column} = {workspace}{} order by c.id
         on conflict do nothing",
        statement.sql
    );
    Ok(statement.query(&sql).execute(tx).await?)
}
