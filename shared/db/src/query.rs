//! One statement with its parameters, run on either engine.

use std::{panic::Location, sync::Arc};

use futures::TryStreamExt;
use herald_base::boxed;
use sqlx::{AssertSqlSafe, Database, Executor, IntoArguments, database::HasStatementCache};
use sqlx_postgres::{PgArguments, Postgres};
use sqlx_sqlite::{Sqlite, SqliteArguments};

use super::{
    Column, Db, Result, Tx, Value,
    connect::Engine,
    pool::{Connections, was_closed},
    rows::{Record, Row, Rows},
    tx::Open,
};

/// The target of a statement: an open transaction, or the database for a single read.
pub enum Target<'a> {
    /// Reads only. SQLite's reading connections refuse to write, and a read is repeated if its connection was closed.
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

    /// Keeps the statement prepared.
    pub(super) fn kept(self) -> Self {
        Self { prepared: true, ..self }
    }

    /// Binds the next parameter.
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(Bound::Value(value.into()));
        self
    }

    /// Runs the statement and returns the number of affected rows.
    #[boxed]
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
        let mut rows = Vec::new();
        match on.into() {
            Target::Db(db) => self.read(db, &mut rows).await?,
            Target::Tx(tx) => self.within(tx, &mut rows).await?,
        }
        Ok(rows)
    }

    /// Runs a read.
    #[boxed]
    pub(super) async fn read(self, db: &Db, rows: &mut dyn Rows) -> Result<()> {
        db.tell(&self.sql, self.from);
        match db.engine() {
            Engine::Postgres(connections) => self.again_if_closed(connections, pg_arguments, rows).await,
            Engine::Sqlite { read, .. } => self.again_if_closed(read, sqlite_arguments, rows).await,
        }
    }

    /// Runs a statement in a transaction.
    #[boxed]
    pub(super) async fn within(self, tx: &mut Tx, rows: &mut dyn Rows) -> Result<()> {
        tx.db().tell(&self.sql, self.from);
        let done = match &mut tx.open {
            Open::Postgres(tx) => self.fetch(&mut **tx, pg_arguments, rows).await,
            Open::Sqlite(tx) => self.fetch(&mut **tx, sqlite_arguments, rows).await,
        };
        tx.note(done.map_err(Into::into))
    }

    /// Runs a statement that writes and is a transaction by itself, and returns every row. It needs one round trip; a
    /// transaction around it would need three.
    pub async fn alone<T: Record>(self, db: &Db) -> Result<Vec<T>> {
        let mut rows = Vec::new();
        self.write(db, &mut rows).await?;
        Ok(rows)
    }

    #[boxed]
    async fn write(self, db: &Db, rows: &mut dyn Rows) -> Result<()> {
        match db.engine() {
            Engine::Postgres(connections) => {
                db.tell(&self.sql, self.from);
                let mut held = connections.asked().await?;
                self.fetch(&mut *held.connection, pg_arguments, rows).await?;
                held.put_aside();
                Ok(())
            }
            Engine::Sqlite { .. } => {
                let mut tx = db.begin().await?;
                self.within(&mut tx, rows).await?;
                tx.commit().await
            }
        }
    }

    /// Like [`Query::alone`], for a statement that may run twice. The connection is not tested first. If it turns out
    /// to be closed, the statement runs on another one, even if the first run had an effect.
    pub async fn repeatable<T: Record>(self, db: &Db) -> Result<Vec<T>> {
        let mut rows = Vec::new();
        match db.engine() {
            Engine::Postgres(_) => self.read(db, &mut rows).await?,
            Engine::Sqlite { .. } => self.write(db, &mut rows).await?,
        }
        Ok(rows)
    }

    /// Runs a single statement. If the stored connection was closed meanwhile, the statement runs on another one.
    async fn again_if_closed<D: Arriving>(
        self,
        on: &Connections<D>,
        arguments: Arguments<D>,
        rows: &mut dyn Rows,
    ) -> Result<()>
    where
        for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
        D::Arguments: IntoArguments<D>,
        D::Row: Into<Row>,
    {
        let mut held = on.any().await?;
        let again = held.unsure.then(|| self.clone());
        match (self.fetch(&mut *held.connection, arguments, rows).await, again) {
            (Err(error), Some(again)) if was_closed(&error) => {
                held = on.instead_of(held).await?;
                rows.clear();
                again.fetch(&mut *held.connection, arguments, rows).await?;
            }
            (done, _) => done?,
        }
        held.put_aside();
        Ok(())
    }

    async fn fetch<'c, D: Arriving>(
        self,
        on: impl Executor<'c, Database = D>,
        arguments: Arguments<D>,
        rows: &mut dyn Rows,
    ) -> sqlx::Result<()>
    where
        D::Arguments: IntoArguments<D>,
        D::Row: Into<Row>,
    {
        let arguments = arguments(self.values)?;
        let statement = sqlx::query_with(AssertSqlSafe(self.sql), arguments).persistent(self.prepared);
        if D::WHOLE {
            return statement.fetch_all(on).await?.into_iter().try_for_each(|row| rows.take(row.into()));
        }
        let mut found = statement.fetch(on);
        while let Some(row) = found.try_next().await? {
            rows.take(row.into())?;
        }
        Ok(())
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

/// How an engine's rows arrive.
trait Arriving: Database + HasStatementCache {
    /// Whether all are there before the first is read. SQLite's come from a thread of its own through a short channel:
    /// reading each as it comes would make the two threads wait for each other. PostgreSQL's come over the network, and
    /// are read while it sends the others.
    const WHOLE: bool;
}

impl Arriving for Postgres {
    const WHOLE: bool = false;
}

impl Arriving for Sqlite {
    const WHOLE: bool = true;
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
