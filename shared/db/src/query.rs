//! One statement with its parameters, run on either engine.

use std::{panic::Location, sync::Arc};

use sqlx::{
    AssertSqlSafe, Database, Executor, FromRow, IntoArguments,
    database::HasStatementCache,
    postgres::{PgArguments, PgRow},
    sqlite::{SqliteArguments, SqliteRow},
};

use super::{
    Column, Db, Result, Tx, Value,
    connect::Engine,
    pool::{Connections, was_closed},
    tx::Open,
};

/// A type that can be read from a row of either engine, by `#[derive(FromRow)]`.
pub trait Record: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin {}

impl<T> Record for T where T: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin {}

/// The target of a statement: an open transaction, or the database for a single read.
pub enum Target<'a> {
    /// Reads only. SQLite's reading connections refuse to write, and a read is repeated if its connection was closed.
    Db(&'a Db),
    /// Reads and writes.
    Tx(&'a mut Tx),
}

impl Target<'_> {
    fn db(&self) -> &Db {
        match self {
            Target::Db(db) => db,
            Target::Tx(tx) => tx.db(),
        }
    }
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

/// A statement that is being built. See [`query`].
#[derive(Clone)]
#[must_use = "a query does nothing until it is run"]
pub struct Query {
    sql: Arc<str>,
    values: Vec<Bound>,
    /// Whether the statement stays prepared on the connection. It is off for statements with varying texts, which would
    /// displace the others.
    prepared: bool,
    /// The place in the code that wrote the statement.
    from: &'static Location<'static>,
}

/// The value of a parameter.
#[derive(Clone)]
enum Bound {
    Value(Value),
    /// An array, for PostgreSQL only.
    Array(Column),
}

/// Starts a statement; `$1`, `$2` … are bound in order.
#[track_caller]
pub fn query(sql: &str) -> Query {
    Query { sql: sql.into(), values: Vec::new(), prepared: true, from: Location::caller() }
}

impl Query {
    pub(super) fn unprepared(sql: String, values: Vec<Value>, from: &'static Location<'static>) -> Self {
        Self { sql: sql.into(), values: values.into_iter().map(Bound::Value).collect(), prepared: false, from }
    }

    /// Creates PostgreSQL's form of a statement over given rows, with one array per column.
    pub(super) fn over_arrays(
        sql: String,
        columns: impl Iterator<Item = Column>,
        from: &'static Location<'static>,
    ) -> Self {
        Self { sql: sql.into(), values: columns.map(Bound::Array).collect(), prepared: true, from }
    }

    /// Sets the place in the code that wrote the statement, if it is not the caller.
    pub(super) fn written_at(mut self, from: &'static Location<'static>) -> Self {
        self.from = from;
        self
    }

    /// Does not keep the statement prepared: its text varies, or its plan must consider the current values.
    pub fn once(mut self) -> Self {
        self.prepared = false;
        self
    }

    /// Binds the next parameter.
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(Bound::Value(value.into()));
        self
    }

    /// Runs the statement and returns the number of affected rows.
    pub async fn execute(self, tx: &mut Tx) -> Result<u64> {
        tx.db().tell(&self.sql, self.from);
        let done = self.run(tx).await;
        tx.note(done)
    }

    async fn run(self, tx: &mut Tx) -> Result<u64> {
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

    /// Returns every row.
    pub async fn all<T: Record>(self, on: impl Into<Target<'_>>) -> Result<Vec<T>> {
        let on = on.into();
        on.db().tell(&self.sql, self.from);
        match on {
            Target::Db(db) => match db.engine() {
                Engine::Postgres(connections) => self.again_if_closed(connections, pg_arguments).await,
                Engine::Sqlite { read, .. } => self.again_if_closed(read, sqlite_arguments).await,
            },
            Target::Tx(tx) => {
                let rows = match &mut tx.open {
                    Open::Postgres(tx) => self.rows(&mut **tx, pg_arguments).await,
                    Open::Sqlite(tx) => self.rows(&mut **tx, sqlite_arguments).await,
                };
                tx.note(rows.map_err(Into::into))
            }
        }
    }

    /// Runs a statement that writes and is a transaction by itself, and returns every row. It needs one round trip; a
    /// transaction around it would need three.
    pub async fn alone<T: Record>(self, db: &Db) -> Result<Vec<T>> {
        match db.engine() {
            Engine::Postgres(connections) => {
                db.tell(&self.sql, self.from);
                let mut held = connections.asked().await?;
                let rows = self.rows(&mut *held.connection, pg_arguments).await?;
                held.put_aside();
                Ok(rows)
            }
            Engine::Sqlite { .. } => {
                let mut tx = db.begin().await?;
                let rows = self.all(&mut tx).await?;
                tx.commit().await?;
                Ok(rows)
            }
        }
    }

    /// Like [`Query::alone`], for a statement that may run twice. The connection is not tested first. If it turns out
    /// to be closed, the statement runs on another one, even if the first run had an effect.
    pub async fn repeatable<T: Record>(self, db: &Db) -> Result<Vec<T>> {
        match db.engine() {
            Engine::Postgres(connections) => {
                db.tell(&self.sql, self.from);
                self.again_if_closed(connections, pg_arguments).await
            }
            Engine::Sqlite { .. } => self.alone(db).await,
        }
    }

    /// Runs a single statement. If the stored connection was closed meanwhile, the statement runs on another one.
    async fn again_if_closed<D: Database + HasStatementCache, T>(
        self,
        on: &Connections<D>,
        arguments: Arguments<D>,
    ) -> Result<Vec<T>>
    where
        for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
        D::Arguments: IntoArguments<D>,
        T: for<'r> FromRow<'r, D::Row> + Send + Unpin,
    {
        let mut held = on.any().await?;
        let again = held.unsure.then(|| self.clone());
        let rows = match (self.rows(&mut *held.connection, arguments).await, again) {
            (Err(error), Some(again)) if was_closed(&error) => {
                held = on.instead_of(held).await?;
                again.rows(&mut *held.connection, arguments).await?
            }
            (rows, _) => rows?,
        };
        held.put_aside();
        Ok(rows)
    }

    async fn rows<'c, D: Database + HasStatementCache, T>(
        self,
        on: impl Executor<'c, Database = D>,
        arguments: Arguments<D>,
    ) -> sqlx::Result<Vec<T>>
    where
        D::Arguments: IntoArguments<D>,
        T: for<'r> FromRow<'r, D::Row> + Send + Unpin,
    {
        let arguments = arguments(self.values)?;
        sqlx::query_as_with(AssertSqlSafe(self.sql), arguments).persistent(self.prepared).fetch_all(on).await
    }

    /// Returns the first row, if there is one.
    pub async fn optional<T: Record>(self, on: impl Into<Target<'_>>) -> Result<Option<T>> {
        Ok(self.all(on).await?.into_iter().next())
    }

    /// Returns the first row, or an error if there is none.
    pub async fn one<T: Record>(self, on: impl Into<Target<'_>>) -> Result<T> {
        Ok(self.optional(on).await?.ok_or(sqlx::Error::RowNotFound)?)
    }
}

/// The function that converts bound values into an engine's argument list.
type Arguments<D> = fn(Vec<Bound>) -> sqlx::Result<<D as Database>::Arguments>;

fn pg_arguments(values: Vec<Bound>) -> sqlx::Result<PgArguments> {
    let mut arguments = PgArguments::default();
    for value in values {
        match value {
            Bound::Value(value) => value.add_to(&mut arguments),
            Bound::Array(column) => column.add_array_to(&mut arguments),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn sqlite_arguments(values: Vec<Bound>) -> sqlx::Result<SqliteArguments> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        match value {
            Bound::Value(value) => value.add_to(&mut arguments),
            Bound::Array(_) => Err("SQLite has no arrays".into()),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}
