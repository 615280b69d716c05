//! Opening a database, and what travels with it: its clock, its ids, and the bell that wakes the dispatcher.

use std::{
    path::PathBuf,
    str::FromStr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use sqlx::{
    ConnectOptions, Connection,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::Notify;
use uuid::Uuid;

use super::{DbError, Result, Tx, lookup::Lines, pool::Connections, watch::Watched};
use herald_base::{clock::Clock, ids::Ids, vault::Sealer};

/// Which database to open.
#[derive(Clone, Debug)]
pub enum DbConfig {
    /// One file, made if it is missing.
    Sqlite {
        /// The file's path.
        path: PathBuf,
    },
    /// A PostgreSQL server, version 13 or later.
    Postgres {
        /// `postgres://user:password@host/database`
        url: String,
        /// Connections this process holds at most.
        max_connections: u32,
    },
}

/// Which engine a database runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are the engines")]
pub enum EngineKind {
    Postgres,
    Sqlite,
}

/// A handle on the database. Cheap to clone.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

pub(super) struct Inner {
    engine: Engine,
    clock: Clock,
    ids: Ids,
    ready: Notify,
    schedules: Notify,
    lines: Lines,
    sealer: OnceLock<Sealer>,
    pub(super) watched: Watched,
    /// Writes that found no space.
    full: AtomicU64,
}

pub(super) enum Engine {
    Postgres(Connections<sqlx::Postgres>),
    /// SQLite has one writer at a time. A pool of one connection queues writers fairly, where busy-waiting would not.
    Sqlite {
        write: sqlx::SqlitePool,
        read: Connections<sqlx::Sqlite>,
    },
}

impl Db {
    /// Opens the database. Its tables may be missing or old until [`Db::migrate`].
    pub async fn connect(config: &DbConfig, clock: Clock, ids: Ids) -> Result<Self> {
        let engine = match config {
            DbConfig::Postgres { url, max_connections } => {
                let options = PgConnectOptions::from_str(url)?.application_name("herald");
                // A pool tries until its time-out and then says no more than that; the first connection says what is
                // wrong.
                options.connect().await?.close().await?;
                let pool = PgPoolOptions::new()
                    .max_connections(*max_connections)
                    .acquire_timeout(Duration::from_secs(10))
                    .connect_with(options)
                    .await?;
                Engine::Postgres(Connections::new(pool))
            }
            DbConfig::Sqlite { path } => {
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full)
                    .foreign_keys(true)
                    .busy_timeout(Duration::from_secs(10))
                    .pragma("temp_store", "memory")
                    .pragma("cache_size", "-4000");
                let write = SqlitePoolOptions::new()
                    .max_connections(1)
                    .idle_timeout(None)
                    .max_lifetime(None)
                    .acquire_timeout(Duration::from_secs(60))
                    // On a full disk SQLite ends a transaction by itself, and sqlx counts it as open for good: such a
                    // connection is of no use.
                    .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
                    .connect_with(options.clone())
                    .await?;
                let read = SqlitePoolOptions::new()
                    .max_connections(4)
                    .acquire_timeout(Duration::from_secs(10))
                    // Page caches are memory that grows with the file: only the writer's is large.
                    .connect_with(options.pragma("query_only", "on").pragma("cache_size", "-1000"))
                    .await?;
                Engine::Sqlite { write, read: Connections::new(read) }
            }
        };
        let (ready, schedules, lines) = (Notify::new(), Notify::new(), Lines::default());
        let (sealer, watched, full) = (OnceLock::new(), Watched::default(), AtomicU64::new(0));
        Ok(Self(Arc::new(Inner { engine, clock, ids, ready, schedules, lines, sealer, watched, full })))
    }

    /// Brings the tables up to this version. Safe to run by many processes at once, and again.
    pub async fn migrate(&self) -> Result<()> {
        let migrator = super::migrations::migrator();
        match self.engine() {
            Engine::Postgres(connections) => migrator.run(connections.pool()).await?,
            Engine::Sqlite { write, .. } => migrator.run(write).await?,
        }
        super::makers::note(self).await
    }

    /// How many writes of this process found the database's disk full: while it grows, nothing goes on.
    pub fn found_full(&self) -> u64 {
        self.0.full.load(Ordering::Relaxed)
    }

    /// Passes a write's result on, and counts it if the disk was full.
    pub(super) fn note<T>(&self, result: Result<T>) -> Result<T> {
        if result.as_ref().is_err_and(DbError::is_disk_full) {
            self.0.full.fetch_add(1, Ordering::Relaxed);
        }
        result
    }

    /// Starts a transaction.
    pub async fn begin(&self) -> Result<Tx> {
        Tx::begin(self).await
    }

    /// Which engine it runs on.
    pub fn kind(&self) -> EngineKind {
        match self.0.engine {
            Engine::Postgres(_) => EngineKind::Postgres,
            Engine::Sqlite { .. } => EngineKind::Sqlite,
        }
    }

    /// The clock every row's times come from.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Now, by [`Db::clock`].
    pub fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }

    /// The time on the database's own machine; `None` for SQLite, which has none.
    pub async fn server_time(&self) -> Result<Option<DateTime<Utc>>> {
        match self.kind() {
            EngineKind::Sqlite => Ok(None),
            EngineKind::Postgres => {
                let (time,): (DateTime<Utc>,) = super::query("select clock_timestamp()").one(self).await?;
                Ok(Some(time))
            }
        }
    }

    /// The source of ids and randomness.
    pub fn ids(&self) -> &Ids {
        &self.0.ids
    }

    /// A new id (UUIDv7).
    pub fn new_id(&self) -> Uuid {
        self.0.ids.uuid(self.now())
    }

    /// Tells this process's dispatcher that a job became ready.
    pub fn nudge(&self) {
        self.0.ready.notify_one();
    }

    /// Returns when [`Db::nudge`] was called since the last time it returned.
    pub async fn nudged(&self) {
        self.0.ready.notified().await;
    }

    /// Tells this process's scheduler that a schedule was changed.
    pub fn nudge_schedules(&self) {
        self.0.schedules.notify_one();
    }

    /// Returns when [`Db::nudge_schedules`] was called since the last time it returned.
    pub async fn schedules_nudged(&self) {
        self.0.schedules.notified().await;
    }

    /// Gives what seals the audit log: keys that do not lie in the database. The first one given stays.
    pub fn seal_with(&self, sealer: Sealer) {
        let _ = self.0.sealer.set(sealer);
    }

    /// What seals the audit log, once it was given.
    pub fn sealer(&self) -> Option<&Sealer> {
        self.0.sealer.get()
    }

    /// Connections in use and open, for metrics.
    pub fn pool_size(&self) -> (usize, usize) {
        match self.engine() {
            Engine::Postgres(connections) => connections.sizes(),
            Engine::Sqlite { read, write } => {
                let ((used, open), writing) = (read.sizes(), write.size() as usize);
                (used + writing.saturating_sub(write.num_idle()), open + writing)
            }
        }
    }

    /// Connections this process holds at most, for metrics.
    pub fn pool_limit(&self) -> usize {
        match self.engine() {
            Engine::Postgres(connections) => connections.limit(),
            Engine::Sqlite { read, write } => read.limit() + write.options().get_max_connections() as usize,
        }
    }

    /// Closes every connection; SQLite's write-ahead log is folded into its file.
    pub async fn close(&self) {
        match self.engine() {
            Engine::Postgres(connections) => connections.close().await,
            Engine::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
        }
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.0
    }

    pub(super) fn lines(&self) -> &Lines {
        &self.0.lines
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.0.engine
    }
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Db({:?})", self.kind())
    }
}
