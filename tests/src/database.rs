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

use tempfile::TempDir;

use crate::postgres::{self, PostgresDatabase};
use crate::schema;

/// The two engines that every query must serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// One file, as in the embedded tier.
    Sqlite,
    /// The server that `./tests/run` started, as in the fleet.
    Postgres,
}

/// A database that only one test uses. Dropping it removes it, together with whatever is still connected to it.
#[derive(Debug)]
pub struct TestDatabase {
    engine: Engine,
    url: String,
    _home: Home,
}

/// What holds the database, and removes it when dropped.
#[derive(Debug)]
enum Home {
    Sqlite { _folder: TempDir },
    Postgres { _database: PostgresDatabase },
}

impl TestDatabase {
    /// A database with Herald's tables and no rows.
    ///
    /// # Panics
    /// When it cannot be made; for PostgreSQL also when the test was not started by `./tests/run`.
    pub async fn new(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => {
                let database = Self::on_sqlite();
                schema::migrate(&database.url).await;
                database
            }
            Engine::Postgres => Self::on_postgres(PostgresDatabase::migrated().await),
        }
    }

    /// A database without a single table, for tests of the migrations themselves.
    ///
    /// # Panics
    /// As [`TestDatabase::new`].
    pub async fn empty(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => Self::on_sqlite(),
            Engine::Postgres => Self::on_postgres(PostgresDatabase::empty().await),
        }
    }

    fn on_sqlite() -> Self {
        let folder = TempDir::with_prefix("herald-test-").expect("the temporary folder is writable");
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("herald.db").display());
        Self { engine: Engine::Sqlite, url, _home: Home::Sqlite { _folder: folder } }
    }

    fn on_postgres(database: PostgresDatabase) -> Self {
        let url = postgres::url_of(database.name());
        Self { engine: Engine::Postgres, url, _home: Home::Postgres { _database: database } }
    }

    /// The engine it runs on, for the rare test whose expectation differs.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// `sqlite://…` or `postgres://…`, as in Herald's configuration.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// Makes two tests of each function named: one on SQLite, one on PostgreSQL, each with a fresh, migrated database.
///
/// The functions are `async fn(&TestDatabase)`; one that is missing from the list is dead code, which clippy refuses.
#[macro_export]
macro_rules! on_both_engines {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            #[tokio::test]
            async fn sqlite() {
                super::$test(&$crate::TestDatabase::new($crate::Engine::Sqlite).await).await;
            }

            #[tokio::test]
            async fn postgres() {
                super::$test(&$crate::TestDatabase::new($crate::Engine::Postgres).await).await;
            }
        }
    )+};
}
