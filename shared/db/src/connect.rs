//! Opens a database, together with its clock, its ids, and the notification that wakes the dispatcher.

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
use sqlx::{ConnectOptions, Connection};
use sqlx_postgres::{PgConnectOptions, PgPoolOptions};
use sqlx_sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio::sync::Notify;
use uuid::Uuid;

use super::{DbError, Result, Tx, lookup::Lines, pool::Connections, watch::Watched};
use herald_base::{boxed, clock::Clock, ids::Ids, vault::Sealer};

/// The database to open.
#[derive(Clone, Debug)]
pub enum DbConfig {
    /// A file, which is created if it is missing.
    Sqlite {
        /// The file's path.
        path: PathBuf,
    },
    /// A PostgreSQL server, version 13 or later.
    Postgres {
        /// `postgres://user:password@host/database`
        url: String,
        /// The largest number of connections of this process.
        max_connections: u32,
    },
}

/// The engine of a database.
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
    /// The number of writes that found the disk full.
    full: AtomicU64,
}

pub(super) enum Engine {
    Postgres(Connections<sqlx_postgres::Postgres>),
    /// SQLite allows one writer at a time. A pool of one connection queues writers fairly; busy-waiting would not.
    Sqlite {
        write: sqlx_sqlite::SqlitePool,
        read: Connections<sqlx_sqlite::Sqlite>,
    },
}

impl Db {
    /// Opens the database. Its tables may be missing or old until [`Db::migrate`] is called.
    #[boxed]
    pub async fn connect(config: &DbConfig, clock: Clock, ids: Ids) -> Result<Self> {
        let engine = match config {
            DbConfig::Postgres { url, max_connections } => {
                let options = PgConnectOptions::from_str(url)?.application_name("herald");
                // A pool retries until its time-out and then reports only the time-out. The first connection reports
                // the actual problem.
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
                    .pragma("temp_store", "memory");
                // Long imports touch pages of many indexes again and again. With the usual 4 MB of log between two
                // checkpoints, each of them is written to the file time after time.
                let writing = options.clone().pragma("cache_size", "-32000").pragma("wal_autocheckpoint", "8000");
                let write = SqlitePoolOptions::new()
                    .max_connections(1)
                    .idle_timeout(None)
                    .max_lifetime(None)
                    .acquire_timeout(Duration::from_secs(60))
                    // On a full disk SQLite ends a transaction by itself, but sqlx counts it as open for good. Such a
                    // connection is unusable.
                    .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
                    .connect_with(writing)
                    .await?;
                let read = SqlitePoolOptions::new()
                    .max_connections(4)
                    .acquire_timeout(Duration::from_secs(10))
                    // A page cache uses memory and grows with the file, so only the writer has a large one.
                    .connect_with(options.pragma("query_only", "on").pragma("cache_size", "-1000"))
                    .await?;
                Engine::Sqlite { write, read: Connections::new(read) }
            }
        };
        let (ready, schedules, lines) = (Notify::new(), Notify::new(), Lines::default());
        let (sealer, watched, full) = (OnceLock::new(), Watched::default(), AtomicU64::new(0));
        Ok(Self(Arc::new(Inner { engine, clock, ids, ready, schedules, lines, sealer, watched, full })))
    }

    /// Migrates the tables to this version. Many processes may run it at once, and repeatedly.
    #[boxed]
    pub async fn migrate(&self) -> Result<()> {
        let migrator = super::migrations::migrator(self.kind());
        match self.engine() {
            Engine::Postgres(connections) => migrator.run(connections.pool()).await?,
            Engine::Sqlite { write, .. } => migrator.run(write).await?,
        }
        super::makers::note(self).await
    }

    /// Returns how many writes of this process found the database's disk full. While the number grows, no work makes
    /// progress.
    pub fn found_full(&self) -> u64 {
        self.0.full.load(Ordering::Relaxed)
    }

    /// Returns a write's result unchanged, and counts it if the disk was full.
    pub(super) fn note<T>(&self, result: Result<T>) -> Result<T> {
        if result.as_ref().is_err_and(DbError::is_disk_full) {
            self.0.full.fetch_add(1, Ordering::Relaxed);
        }
        result
    }

    /// Starts a transaction.
    #[boxed]
    pub async fn begin(&self) -> Result<Tx> {
        Tx::begin(self).await
    }

    /// Returns the engine of the database.
    pub fn kind(&self) -> EngineKind {
        match self.0.engine {
            Engine::Postgres(_) => EngineKind::Postgres,
            Engine::Sqlite { .. } => EngineKind::Sqlite,
        }
    }

    /// Returns the clock from which the times of all rows come.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Returns the current time by [`Db::clock`].
    pub fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }

    /// Returns the time on the database's own machine; `None` for SQLite, which runs on this machine.
    #[boxed]
    pub async fn server_time(&self) -> Result<Option<DateTime<Utc>>> {
        match self.kind() {
            EngineKind::Sqlite => Ok(None),
            EngineKind::Postgres => {
                let (time,): (DateTime<Utc>,) = super::query("select clock_timestamp()").one(self).await?;
                Ok(Some(time))
            }
        }
    }

    /// Returns the source of ids and randomness.
    pub fn ids(&self) -> &Ids {
        &self.0.ids
    }

    /// Creates a new id (UUIDv7).
    pub fn new_id(&self) -> Uuid {
        self.0.ids.uuid(self.now())
    }

    /// Tells this process's dispatcher that a job became ready.
    pub fn nudge(&self) {
        self.0.ready.notify_one();
    }

    /// Waits until [`Db::nudge`] is called, unless that has happened since the last return.
    #[boxed]
    pub async fn nudged(&self) {
        self.0.ready.notified().await;
    }

    /// Tells this process's scheduler that a schedule was changed.
    pub fn nudge_schedules(&self) {
        self.0.schedules.notify_one();
    }

    /// Waits until [`Db::nudge_schedules`] is called, unless that has happened since the last return.
    #[boxed]
    pub async fn schedules_nudged(&self) {
        self.0.schedules.notified().await;
    }

    /// Sets the sealer of the audit log, whose keys do not lie in the database. Only the first call has an effect.
    pub fn seal_with(&self, sealer: Sealer) {
        let _ = self.0.sealer.set(sealer);
    }

    /// Returns the sealer of the audit log, once it is set.
    pub fn sealer(&self) -> Option<&Sealer> {
        self.0.sealer.get()
    }

    /// Returns the numbers of used and of open connections, for metrics.
    pub fn pool_size(&self) -> (usize, usize) {
        match self.engine() {
            Engine::Postgres(connections) => connections.sizes(),
            Engine::Sqlite { read, write } => {
                let ((used, open), writing) = (read.sizes(), write.size() as usize);
                (used + writing.saturating_sub(write.num_idle()), open + writing)
            }
        }
    }

    /// Returns the largest number of connections of this process, for metrics.
    pub fn pool_limit(&self) -> usize {
        match self.engine() {
            Engine::Postgres(connections) => connections.limit(),
            Engine::Sqlite { read, write } => read.limit() + write.options().get_max_connections() as usize,
        }
    }

    /// Closes every connection. SQLite's write-ahead log is merged into its file.
    #[boxed]
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
