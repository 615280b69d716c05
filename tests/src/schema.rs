//! Herald's tables, as the tests make them.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::str::FromStr;

use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

/// Brings the database at `url` up to date.
pub(crate) async fn migrate(url: &str) {
    let migrations = migrations().await;
    if url.starts_with("sqlite:") {
        let options = SqliteConnectOptions::from_str(url).expect("the harness makes valid addresses");
        let mut database = options.connect().await.expect("the file can be made");
        migrations.run_direct(None, &mut database, false).await.expect("the migrations run on SQLite");
        database.close().await.expect("the connection closes");
    } else {
        let options = PgConnectOptions::from_str(url).expect("the harness makes valid addresses");
        let mut database = options.connect().await.expect("the test server answers");
        migrations.run_direct(None, &mut database, false).await.expect("the migrations run on PostgreSQL");
        database.close().await.expect("the connection closes");
    }
}

/// A number that changes with the migrations.
pub(crate) async fn fingerprint() -> u64 {
    let mut hasher = DefaultHasher::new();
    for migration in migrations().await.iter() {
        (migration.version, &migration.checksum).hash(&mut hasher);
    }
    hasher.finish()
}

async fn migrations() -> Migrator {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations"));
    if !folder.exists() {
        return Migrator::with_migrations(Vec::new());
    }
    Migrator::new(folder).await.expect("the migrations can be read")
}
