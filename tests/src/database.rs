//! A database for one test, on either engine, gone when the test ends.
//!
//! A test of the data layer is written once and runs on both engines:
//!
//! ```text
//! herald_tests::on_both_engines! { a_dead_workers_jobs_come_back }
//!
//! async fn a_dead_workers_jobs_come_back(database: &TestDatabase) { … }
//! ```
//!
//! which makes the tests `a_dead_workers_jobs_come_back::sqlite` and `…::postgres`.

use std::{sync::Arc, thread};

use chrono::{DateTime, Utc};
use herald_base::clock::Clock;
use herald_base::ids::Ids;
use herald_db::{Db, DbConfig, EngineKind};
use tempfile::TempDir;

use crate::{app::ending::Ending, fence::Fence, postgres::PostgresDatabase, times::Timed};

/// Enough for the concurrency that a test provokes, and few enough that the tests running at once fit the server.
const MAX_CONNECTIONS: u32 = 8;

/// A database that only one test uses. Dropping it removes it, together with whatever is still connected to it.
#[derive(Debug)]
pub struct TestDatabase {
    /// The database as one process of Herald sees it. Its clock stands at [`TestDatabase::start`] until the test moves
    /// it (`database.db.clock().advance(…)`), and its ids are the same in every run.
    pub db: Db,
    config: DbConfig,
    fence: Arc<Fence>,
    /// What the test leaves, if an app stood here.
    pub(crate) ending: Arc<Ending>,
    _home: Home,
    // The last to go: removing the database is part of what the test takes.
    _timed: Timed,
}

/// What holds the database, and removes it when dropped.
#[derive(Debug)]
enum Home {
    Sqlite { _folder: TempDir },
    Postgres { _database: PostgresDatabase },
}

impl TestDatabase {
    /// A database with Herald's tables and no rows but those the migrations make.
    ///
    /// # Panics
    /// When it cannot be made; for PostgreSQL also when the test was not started by `./tests/run`.
    pub async fn new(engine: EngineKind) -> Self {
        let timed = Timed::begin();
        herald_app::jobs::install();
        let database = match engine {
            EngineKind::Sqlite => Self::on_sqlite(timed).await,
            EngineKind::Postgres => Self::on_postgres(PostgresDatabase::migrated().await, timed).await,
        };
        // On PostgreSQL this finds nothing to do; it fails if the template was not made by these migrations.
        database.db.migrate().await.expect("the migrations run");
        database.fence.learn(&database.db).await;
        database
    }

    /// A database without a single table, for tests of the migrations themselves.
    ///
    /// # Panics
    /// As [`TestDatabase::new`].
    pub async fn empty(engine: EngineKind) -> Self {
        let timed = Timed::begin();
        match engine {
            EngineKind::Sqlite => Self::on_sqlite(timed).await,
            EngineKind::Postgres => Self::on_postgres(PostgresDatabase::empty().await, timed).await,
        }
    }

    async fn on_sqlite(timed: Timed) -> Self {
        let folder = TempDir::with_prefix("herald-test-").expect("the temporary folder is writable");
        let config = DbConfig::Sqlite { path: folder.path().join("herald.db") };
        Self::open(config, Home::Sqlite { _folder: folder }, timed).await
    }

    async fn on_postgres(database: PostgresDatabase, timed: Timed) -> Self {
        let config = DbConfig::Postgres { url: database.url(), max_connections: MAX_CONNECTIONS };
        Self::open(config, Home::Postgres { _database: database }, timed).await
    }

    async fn open(config: DbConfig, home: Home, timed: Timed) -> Self {
        let fence = Arc::<Fence>::default();
        let db = connect(&config, Clock::manual(Self::start()), Ids::seeded(0)).await;
        fence.watch(&db);
        Self { db, config, fence, ending: Arc::default(), _home: home, _timed: timed }
    }

    /// Another handle on the same database, as another process of Herald would have one. Give it ids that differ from
    /// those of [`TestDatabase::db`]: `Ids::random()`, or a seed that is not 0.
    ///
    /// # Panics
    /// When the database does not answer.
    pub async fn connect(&self, clock: Clock, ids: Ids) -> Db {
        let db = connect(&self.config, clock, ids).await;
        self.fence.watch(&db);
        db
    }

    /// As [`TestDatabase::connect`], with nobody looking on at what is run: for tests of who looks on.
    ///
    /// # Panics
    /// When the database does not answer.
    pub async fn unwatched(&self, ids: Ids) -> Db {
        connect(&self.config, Clock::manual(Self::start()), ids).await
    }

    /// The test leaves live jobs of these kinds, and the batches that wait for them. Say why where it is not plain.
    pub fn leaves(&self, kinds: &[&'static str]) {
        self.ending.leaves(kinds);
    }

    /// Looks through what the test leaves in the ledger, if it had an app. `on_both_engines!` does so by itself.
    ///
    /// # Panics
    /// When the test leaves what it did not say.
    pub async fn end(&self) {
        if self.ending.is_watched() {
            // A handle of its own: the test may have closed the other one.
            let db = self.unwatched(Ids::random()).await;
            self.ending.look(&db, self.db.now()).await;
        }
    }

    /// What to open, for a test that starts a whole process.
    pub fn config(&self) -> &DbConfig {
        &self.config
    }

    /// The time at which every test begins: 1 March 2026, 09:00 UTC.
    pub fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_772_355_600, 0).expect("the number is a time")
    }
}

impl Drop for TestDatabase {
    /// A test that is fine otherwise fails if Herald reached over the fence between workspaces in it, or if nobody
    /// looked through what it leaves.
    fn drop(&mut self) {
        self.ending.assert_looked();
        let faults = self.fence.faults();
        assert!(
            faults.is_empty() || thread::panicking(),
            "statements that name no workspace (compare workspace_id, or give a reason in \
             tests/src/fence/exceptions.rs):\n{}",
            faults.join("\n")
        );
    }
}

async fn connect(config: &DbConfig, clock: Clock, ids: Ids) -> Db {
    Db::connect(config, clock, ids).await.expect("a database just made answers")
}

/// Makes two tests of each function named: one on SQLite, one on PostgreSQL, each with a fresh, migrated database.
/// If an [`App`](crate::App) stood on it, the ledger is looked through when the function has returned.
///
/// The functions are `async fn(&TestDatabase)`; one that is missing from the list is dead code, which clippy refuses.
#[macro_export]
macro_rules! on_both_engines {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            #[tokio::test]
            async fn sqlite() {
                let database = $crate::TestDatabase::new($crate::EngineKind::Sqlite).await;
                super::$test(&database).await;
                database.end().await;
            }

            #[tokio::test]
            async fn postgres() {
                let database = $crate::TestDatabase::new($crate::EngineKind::Postgres).await;
                super::$test(&database).await;
                database.end().await;
            }
        }
    )+};
}
