//! Transactions. Every write happens in a transaction.

use std::time::Instant;

use tokio::sync::OwnedSemaphorePermit;

use super::{Db, EngineKind, Result, connect::Engine, query};
use herald_base::{boxed, telemetry::catalog::DB_BEGIN};

/// An open transaction. If it is dropped without [`Tx::commit`], it is rolled back.
pub struct Tx {
    pub(super) open: Open,
    db: Db,
    nudges: bool,
    /// The permit for the connection. It is declared after `open`, so that the connection is dropped first.
    _turn: Option<OwnedSemaphorePermit>,
}

pub(super) enum Open {
    Postgres(sqlx::Transaction<'static, sqlx_postgres::Postgres>),
    Sqlite(sqlx::Transaction<'static, sqlx_sqlite::Sqlite>),
}

impl Tx {
    pub(super) async fn begin(db: &Db) -> Result<Self> {
        let asked = Instant::now();
        let (open, turn) = match db.engine() {
            Engine::Postgres(connections) => {
                let (tx, turn) = connections.begin().await?;
                (Open::Postgres(tx), Some(turn))
            }
            // IMMEDIATE takes the write lock now: a transaction that began with a read might not get it later.
            Engine::Sqlite { write, .. } => (Open::Sqlite(write.begin_with("begin immediate").await?), None),
        };
        DB_BEGIN.record([], asked.elapsed().as_secs_f64());
        Ok(Self { open, db: db.clone(), nudges: false, _turn: turn })
    }

    /// Returns the database of the transaction, with its clock and ids.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Returns the engine of the database.
    pub fn engine(&self) -> EngineKind {
        self.db.kind()
    }

    /// Wakes the dispatcher after the commit, because the transaction put a job into the ledger.
    pub fn nudge_on_commit(&mut self) {
        self.nudges = true;
    }

    /// Does not wait for the disk at the commit. If the server's machine fails at the same moment, the transaction may
    /// be lost completely.
    #[boxed]
    pub async fn may_be_lost(&mut self) -> Result<()> {
        if self.engine() == EngineKind::Postgres {
            query("set local synchronous_commit = off").execute(self).await?;
        }
        Ok(())
    }

    /// Returns a result unchanged, and counts a full disk.
    pub(super) fn note<T>(&self, result: Result<T>) -> Result<T> {
        self.db.note(result)
    }

    /// Makes the transaction's writes permanent and visible.
    #[boxed]
    pub async fn commit(self) -> Result<()> {
        let done = match self.open {
            Open::Postgres(tx) => tx.commit().await,
            Open::Sqlite(tx) => tx.commit().await,
        };
        self.db.note(done.map_err(Into::into))?;
        if self.nudges {
            self.db.nudge();
        }
        Ok(())
    }
}
