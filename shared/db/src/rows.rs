//! Rows as an engine returns them, and the types that are read from them.
//!
//! A statement runs the same, whatever its rows are read as. So only the reading is generic: what waits for the
//! database is compiled once for each engine, and not again for each of a hundred types.

use sqlx::FromRow;
use sqlx_postgres::PgRow;
use sqlx_sqlite::SqliteRow;

/// A type that can be read from a row of either engine, by `#[derive(FromRow)]`.
pub trait Record: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin {}

impl<T> Record for T where T: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin {}

/// A row of either engine.
pub(super) enum Row {
    Postgres(PgRow),
    Sqlite(SqliteRow),
}

impl From<PgRow> for Row {
    fn from(row: PgRow) -> Self {
        Row::Postgres(row)
    }
}

impl From<SqliteRow> for Row {
    fn from(row: SqliteRow) -> Self {
        Row::Sqlite(row)
    }
}

/// What takes the rows of a statement, one after the other, as they arrive.
pub(super) trait Rows: Send {
    fn take(&mut self, row: Row) -> sqlx::Result<()>;

    /// Forgets what it took: the statement begins anew.
    fn clear(&mut self);
}

impl<T: Record> Rows for Vec<T> {
    fn take(&mut self, row: Row) -> sqlx::Result<()> {
        self.push(match row {
            Row::Postgres(row) => T::from_row(&row)?,
            Row::Sqlite(row) => T::from_row(&row)?,
        });
        Ok(())
    }

    fn clear(&mut self) {
        Vec::clear(self);
    }
}

/// PostgreSQL's rows as they are, to be read later.
#[derive(Default)]
pub(super) struct Unread(pub(super) Vec<PgRow>);

impl Rows for Unread {
    fn take(&mut self, row: Row) -> sqlx::Result<()> {
        if let Row::Postgres(row) = row {
            self.0.push(row);
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}
