//! The fence between workspaces: every statement that Herald runs in a test names the workspace of every row it reads
//! or changes.
//!
//! [`TestDatabase`](crate::TestDatabase) looks on at what is run. A statement on a table with a `workspace_id` must
//! compare that column, for each mention of such a table, with a parameter, with given rows or with another table's,
//! and an `insert` must write it. What must not, such as the dispatcher, stands with its reason in [`EXCEPTIONS`]. The
//! tables are asked of the database, so a new one is held to it at once.

mod exceptions;
mod statement;

use std::{
    collections::BTreeSet,
    panic::Location,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

pub use exceptions::{EXCEPTIONS, Exception};
use herald_db::{Db, EngineKind, Watch, query};
pub use statement::fault;

/// What was run against the rule.
#[derive(Debug, Default)]
pub struct Fence {
    tables: OnceLock<BTreeSet<String>>,
    /// Statements that tests write are held to it, too.
    strict: bool,
    faults: Mutex<BTreeSet<String>>,
}

impl Fence {
    /// A fence that holds also what the tests themselves run.
    pub fn strict() -> Arc<Self> {
        Arc::new(Self { strict: true, ..Self::default() })
    }

    /// Looks on at what is run on a database, from now on.
    pub fn watch(self: &Arc<Self>, db: &Db) {
        let fence = self.clone();
        let watch: Watch = Arc::new(move |sql, from| fence.saw(sql, from));
        db.watch(watch);
    }

    /// Reads which tables are a workspace's. Before, nothing is held to anything.
    ///
    /// # Panics
    /// When the database does not answer, or has no such table.
    pub async fn learn(&self, db: &Db) {
        let tables = scoped_tables(db).await;
        assert!(tables.len() > 15, "these tables have a workspace_id: {tables:?}");
        let _ = self.tables.set(tables);
    }

    fn saw(&self, sql: &str, from: &'static Location<'static>) {
        let Some(tables) = self.tables.get() else { return };
        // What a test asks in its own words is about the whole database.
        if !self.strict && ["tests/", "cli/tests/", "bench/"].iter().any(|place| from.file().starts_with(place)) {
            return;
        }
        let Some(fault) = fault(sql, tables) else { return };
        if !EXCEPTIONS.iter().any(|exception| exception.is_for(from.file(), sql)) {
            let told = format!("{}:{}: {fault}: {}", from.file(), from.line(), statement::plain(sql));
            self.faults.lock().unwrap_or_else(PoisonError::into_inner).insert(told);
        }
    }

    /// What was run against the rule so far, and forgets it.
    pub fn faults(&self) -> Vec<String> {
        std::mem::take(&mut *self.faults.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().collect()
    }
}

/// The tables with a `workspace_id`.
///
/// # Panics
/// When the database does not answer.
pub async fn scoped_tables(db: &Db) -> BTreeSet<String> {
    let sql = match db.kind() {
        EngineKind::Postgres => {
            "select cast(table_name as text) from information_schema.columns
             where column_name = 'workspace_id' and table_schema = current_schema()"
        }
        EngineKind::Sqlite => {
            "select t.name from sqlite_master as t join pragma_table_info(t.name) as c on c.name = 'workspace_id'
             where t.type = 'table'"
        }
    };
    let found: Vec<(String,)> = query(sql).all(db).await.expect("the schema can be read");
    found.into_iter().map(|(name,)| name).collect()
}
