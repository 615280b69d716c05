//! Databases on the PostgreSQL server that `./tests/run` starts.
//!
//! Migrating costs far more than copying, so the tables are made once, in a template database named after the
//! migrations, and every test gets a copy of it. Test programs that run at the same time share the template.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::str::FromStr;
use std::{fs, thread};

use herald_base::clock::Clock;
use herald_base::ids::Ids;
use herald_db::{Db, DbConfig};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use sqlx_postgres::{PgConnectOptions, PgConnection};
use tokio::sync::OnceCell;

/// Any number will do, as long as nothing else locks it: it keeps two test programs from making the template at once.
const TEMPLATE_LOCK: i64 = 0x6865_7261_6c64;

/// A database of its own on the test server, dropped with the value.
#[derive(Debug)]
pub(crate) struct PostgresDatabase {
    name: String,
}

impl PostgresDatabase {
    /// A copy of the migrated template.
    pub(crate) async fn migrated() -> Self {
        static TEMPLATE: OnceCell<String> = OnceCell::const_new();
        let template = TEMPLATE.get_or_init(make_template).await;
        Self::copy_of(template).await
    }

    /// A database without tables.
    pub(crate) async fn empty() -> Self {
        Self::copy_of("template0").await
    }

    async fn copy_of(template: &str) -> Self {
        let name = format!("herald_test_{:016x}", RandomState::new().build_hasher().finish());
        let mut server = connect().await;
        run(&mut server, format!("create database {name} template {template}")).await;
        server.close().await.expect("the connection closes");
        Self { name }
    }

    /// Its address, with user and password.
    pub(crate) fn url(&self) -> String {
        url_of(&self.name)
    }
}

impl Drop for PostgresDatabase {
    /// On a thread of its own, which nobody waits for. Dropping a database waits for every connection of the server to
    /// take note, also for one that is just being made; a test that stood still meanwhile, with such a connection in
    /// its hands, would wait for itself until the server's time-out. What the end of the test program cuts off goes
    /// with the server.
    fn drop(&mut self) {
        let statement = format!("drop database if exists {} with (force)", self.name);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut server = options().connect().await?;
                server.execute(AssertSqlSafe(statement)).await?;
                server.close().await
            })?;
            anyhow::Ok(())
        });
    }
}

/// Makes the template unless another test program has, and returns its name.
async fn make_template() -> String {
    let name = format!("herald_template_{:016x}", fingerprint());
    let mut server = connect().await;
    sqlx::query("select pg_advisory_lock($1)")
        .bind(TEMPLATE_LOCK)
        .execute(&mut server)
        .await
        .expect("the server grants the lock");
    let made = sqlx::query("select 1 from pg_database where datname = $1")
        .bind(&name)
        .fetch_optional(&mut server)
        .await
        .expect("the server lists its databases");
    if made.is_none() {
        // Under another name until it is complete, so that a run killed half-way leaves no broken template.
        let unfinished = format!("{name}_unfinished");
        run(&mut server, format!("drop database if exists {unfinished} with (force)")).await;
        run(&mut server, format!("create database {unfinished} template template0")).await;
        migrate(url_of(&unfinished)).await;
        run(&mut server, format!("alter database {unfinished} rename to {name}")).await;
        // A database that someone is connected to cannot be copied.
        run(&mut server, format!("alter database {name} with allow_connections false")).await;
    }
    // Closing the connection releases the lock.
    server.close().await.expect("the connection closes");
    name
}

async fn migrate(url: String) {
    let config = DbConfig::Postgres { url, max_connections: 1 };
    let db = Db::connect(&config, Clock::system(), Ids::random()).await.expect("a database just made answers");
    db.migrate().await.expect("the migrations run on PostgreSQL");
    db.close().await;
}

/// A number that changes with the migrations.
fn fingerprint() -> u64 {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations"));
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the migrations lie at the top of the repository")
        .map(|entry| entry.expect("the folder can be read").path())
        .collect();
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        fs::read(&file).expect("a migration can be read").hash(&mut hasher);
    }
    hasher.finish()
}

async fn connect() -> PgConnection {
    options().connect().await.expect("the PostgreSQL that ./tests/run started answers")
}

async fn run(server: &mut PgConnection, statement: String) {
    let shown = statement.clone();
    if let Err(error) = server.execute(AssertSqlSafe(statement)).await {
        panic!("{shown}: {error}");
    }
}

fn url_of(database: &str) -> String {
    options().database(database).to_url_lossy().to_string()
}

/// How to reach the test server, with the database that every server has.
fn options() -> PgConnectOptions {
    parse(std::env::var("HERALD_TEST_POSTGRES_URL").ok().as_deref()).database("postgres")
}

/// A run without PostgreSQL would prove half of what it says, so it fails rather than leaving tests out.
fn parse(url: Option<&str>) -> PgConnectOptions {
    let url = url.expect("HERALD_TEST_POSTGRES_URL is not set: run ./tests/run, which starts a PostgreSQL and sets it");
    PgConnectOptions::from_str(url).expect("HERALD_TEST_POSTGRES_URL is an address like postgres://user:word@host/db")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "run ./tests/run")]
    fn without_a_server_the_message_names_the_command() {
        parse(None);
    }
}
