//! One statement with its parameters, run on either engine.

use sqlx::{
    AssertSqlSafe, FromRow,
    postgres::{PgArguments, PgRow},
    sqlite::{SqliteArguments, SqliteRow},
};

use super::{Db, Result, Tx, Value, connect::Engine, tx::Open};

/// A type that can be read from a row of either engine: `#[derive(FromRow)]` gives it.
pub trait Record: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin {}

impl<T> Record for T where T: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin {}

/// Where a statement runs: an open transaction, or the database for a read of its own.
pub enum Target<'a> {
    /// Reads only: SQLite's reading connections refuse to write.
    Db(&'a Db),
    /// Reads and writes.
    Tx(&'a mut Tx),
}

impl<'a> From<&'a Db> for Target<'a> {
    fn from(db: &'a Db) -> Self {
        Target::Db(db)
    }
}

impl<'a> From<&'a mut Tx> for Target<'a> {
    fn from(tx: &'a mut Tx) -> Self {
        Target::Tx(tx)
    }
}

/// A statement being put together. See [`query`].
#[must_use = "a query does nothing until it is run"]
pub struct Query {
    sql: String,
    values: Vec<Value>,
    /// Kept prepared on the connection; off for statements whose text varies, which would crowd out the others.
    prepared: bool,
}

/// Starts a statement; `$1`, `$2` … are bound in order.
pub fn query(sql: &str) -> Query {
    Query { sql: sql.to_owned(), values: Vec::new(), prepared: true }
}

impl Query {
    pub(super) fn unprepared(sql: String, values: Vec<Value>) -> Self {
        Self { sql, values, prepared: false }
    }

    /// Does not keep it prepared: its text varies, or its plan is to see the values it is run with.
    pub fn once(mut self) -> Self {
        self.prepared = false;
        self
    }

    /// Binds the next parameter.
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Runs it and returns how many rows it touched.
    pub async fn execute(self, tx: &mut Tx) -> Result<u64> {
        match &mut tx.open {
            Open::Postgres(tx) => {
                let arguments = pg_arguments(self.values)?;
                let statement = sqlx::query_with(AssertSqlSafe(self.sql), arguments).persistent(self.prepared);
                Ok(statement.execute(&mut **tx).await?.rows_affected())
            }
            Open::Sqlite(tx) => {
                let arguments = sqlite_arguments(self.values)?;
                let statement = sqlx::query_with(AssertSqlSafe(self.sql), arguments).persistent(self.prepared);
                Ok(statement.execute(&mut **tx).await?.rows_affected())
            }
        }
    }

    /// Every row.
    pub async fn all<T: Record>(self, on: impl Into<Target<'_>>) -> Result<Vec<T>> {
        let Self { sql, values, prepared } = self;
        let sql = AssertSqlSafe(sql);
        let rows = match on.into() {
            Target::Db(db) => match db.engine() {
                Engine::Postgres(pool) => {
                    sqlx::query_as_with(sql, pg_arguments(values)?).persistent(prepared).fetch_all(pool).await?
                }
                Engine::Sqlite { read, .. } => {
                    sqlx::query_as_with(sql, sqlite_arguments(values)?).persistent(prepared).fetch_all(read).await?
                }
            },
            Target::Tx(tx) => match &mut tx.open {
                Open::Postgres(tx) => {
                    sqlx::query_as_with(sql, pg_arguments(values)?).persistent(prepared).fetch_all(&mut **tx).await?
                }
                Open::Sqlite(tx) => {
                    sqlx::query_as_with(sql, sqlite_arguments(values)?)
                        .persistent(prepared)
                        .fetch_all(&mut **tx)
                        .await?
                }
            },
        };
        Ok(rows)
    }

    /// Every row of a statement that writes and is a transaction of its own: one round trip where a transaction around it has three.
    pub async fn alone<T: Record>(self, db: &Db) -> Result<Vec<T>> {
        match db.engine() {
            Engine::Postgres(_) => self.all(db).await,
            Engine::Sqlite { .. } => {
                let mut tx = db.begin().await?;
                let rows = self.all(&mut tx).await?;
                tx.commit().await?;
                Ok(rows)
            }
        }
    }

    /// The first row, if there is one.
    pub async fn optional<T: Record>(self, on: impl Into<Target<'_>>) -> Result<Option<T>> {
        Ok(self.all(on).await?.into_iter().next())
    }

    /// The first row; an error if there is none.
    pub async fn one<T: Record>(self, on: impl Into<Target<'_>>) -> Result<T> {
        Ok(self.optional(on).await?.ok_or(sqlx::Error::RowNotFound)?)
    }
}

fn pg_arguments(values: Vec<Value>) -> Result<PgArguments> {
    let mut arguments = PgArguments::default();
    for value in values {
        value.add_to(&mut arguments).map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn sqlite_arguments(values: Vec<Value>) -> Result<SqliteArguments> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        value.add_to(&mut arguments).map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// PostgreSQL's form of a bulk statement: one array a column.
pub(super) async fn query_arrays<T: Record>(
    sql: String,
    columns: impl Iterator<Item = super::Column>,
    tx: &mut sqlx::Transaction<'static, sqlx::Postgres>,
) -> Result<Vec<T>> {
    let mut arguments = PgArguments::default();
    for column in columns {
        column.add_array_to(&mut arguments).map_err(sqlx::Error::Encode)?;
    }
    Ok(sqlx::query_as_with(AssertSqlSafe(sql), arguments).fetch_all(&mut **tx).await?)
}
