//! Transactions. Every write happens in one.

use std::time::Instant;

use tokio::sync::OwnedSemaphorePermit;

use super::{Db, EngineKind, Result, connect::Engine, query};
use herald_base::telemetry::catalog::DB_BEGIN;

/// An open transaction. Dropped without [`Tx::commit`] it is rolled back.
pub struct Tx {
    pub(super) open: Open,
    db: Db,
    nudges: bool,
    /// Its turn at the connections. Behind `open`: the connection goes first.
    _turn: Option<OwnedSemaphorePermit>,
}

pub(super) enum Open {
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
}

impl Tx {
    pub(super) async fn begin(db: &Db) -> Result<Self> {
        let asked = Instant::now();
        let (open, turn) = match db.engine() {
            Engine::Postgres(connections) => {
                let (tx, turn) = connections.begin().await?;
                (Open::Postgres(tx), Some(turn))
            }
            // IMMEDIATE takes the write lock now: a transaction that began reading could not get it later.
            Engine::Sqlite { write, .. } => (Open::Sqlite(write.begin_with("begin immediate").await?), None),
        };
        DB_BEGIN.record([], asked.elapsed().as_secs_f64());
        Ok(Self { open, db: db.clone(), nudges: false, _turn: turn })
    }

    /// The database it belongs to: its clock and ids.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Which engine it runs on.
    pub fn engine(&self) -> EngineKind {
        self.db.kind()
    }

    /// Wakes the dispatcher once the transaction is committed, because it put a job in the ledger.
    pub fn nudge_on_commit(&mut self) {
        self.nudges = true;
    }

    /// Does not wait for the disk at its commit: if the server's machine dies in the same instant, the transaction is
    /// as if it had never been.
    pub async fn may_be_lost(&mut self) -> Result<()> {
        if self.engine() == EngineKind::Postgres {
            query("set local synchronous_commit = off").execute(self).await?;
        }
        Ok(())
    }

    /// Passes a result on.
    pub(super) fn note<T>(&self, result: Result<T>) -> Result<T> {
        self.db.note(result)
    }

    /// Makes the transaction's writes permanent and visible.
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
