//! Statements over many given rows.
//!
//! A statement that works on a table of given rows is written once. It has `{rows}` in the place of that table, which
//! gets the alias `rows`:
//!
//! ```sql
//! update jobs set priority = rows.priority from {rows} where jobs.id = rows.id
//! ```
//!
//! PostgreSQL gets `unnest($1::uuid[], …)`, whose text does not change with the number of rows; SQLite gets `values
//! (…), (…)`.

use std::{borrow::Cow, panic::Location};

use chrono::{DateTime, Utc};
use herald_base::boxed;
use sqlx::types::Json;
use uuid::Uuid;

use super::{
    Db, EngineKind, Query, Record, Result, Tx, Value,
    rows::Rows,
    value::{json_without_nul, without_nul},
};

/// The largest number of rows in one statement: SQLite allows 32,766 parameters per statement.
const ROWS_PER_STATEMENT: usize = 1_000;
/// The number of rows in a statement that stays prepared on SQLite.
const ROWS_KEPT: usize = 100;

/// A column of given values, with one value for each row.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the variants are the column types")]
pub enum Column {
    Uuid(Vec<Option<Uuid>>),
    Text(Vec<Option<String>>),
    Int(Vec<Option<i64>>),
    Bool(Vec<Option<bool>>),
    Time(Vec<Option<DateTime<Utc>>>),
    Json(Vec<Option<serde_json::Value>>),
}

/// A statement over given rows. All columns have the same length.
#[must_use = "a bulk statement does nothing until it is run"]
pub struct Bulk {
    sql: Cow<'static, str>,
    columns: Vec<(&'static str, Column)>,
    is_kept: bool,
    from: &'static Location<'static>,
}

impl Bulk {
    /// Creates a statement that contains `{rows}`.
    #[track_caller]
    pub fn new(sql: impl Into<Cow<'static, str>>) -> Self {
        Self { sql: sql.into(), columns: Vec::new(), is_kept: false, from: Location::caller() }
    }

    /// Adds a column to the given rows.
    pub fn column(mut self, name: &'static str, column: Column) -> Self {
        debug_assert!(
            self.columns.first().is_none_or(|(_, first)| first.len() == column.len()),
            "columns of one length"
        );
        self.columns.push((name, column));
        self
    }

    /// Keeps the statement prepared on SQLite, too, in blocks of 100 rows: for one that runs thousands of times in a
    /// row. SQLite takes longer to read a statement with many rows than to run it.
    pub fn kept(self) -> Self {
        Self { is_kept: true, ..self }
    }

    /// Runs the statement, with at most 1,000 rows at a time, and returns the rows of `returning`.
    pub async fn all<T: Record>(self, tx: &mut Tx) -> Result<Vec<T>> {
        let mut returned = Vec::new();
        self.within(tx, &mut returned).await?;
        Ok(returned)
    }

    #[boxed]
    async fn within(self, tx: &mut Tx, returned: &mut dyn Rows) -> Result<()> {
        let rows = self.columns.first().map_or(0, |(_, column)| column.len());
        let mut columns = self.columns;
        let mut left = rows;
        while left > 0 {
            let is_kept = self.is_kept && tx.engine() == EngineKind::Sqlite && left >= ROWS_KEPT;
            let take = if is_kept { ROWS_KEPT } else { left.min(ROWS_PER_STATEMENT) };
            let chunk: Vec<_> = columns.iter_mut().map(|(name, column)| (*name, column.split_front(take))).collect();
            let statement = statement(tx.engine(), &self.sql, chunk, take, self.from);
            let statement = if is_kept { statement.kept() } else { statement };
            statement.within(tx, returned).await?;
            left -= take;
        }
        Ok(())
    }

    /// Runs the statement like [`Query::repeatable`], for 1,000 rows at most.
    pub async fn repeatable<T: Record>(self, db: &Db) -> Result<Vec<T>> {
        let rows = self.columns.first().map_or(0, |(_, column)| column.len());
        debug_assert!(rows <= ROWS_PER_STATEMENT, "one statement");
        statement(db.kind(), &self.sql, self.columns, rows, self.from).repeatable(db).await
    }

    /// Runs the statement for its effect.
    #[boxed]
    pub async fn execute(self, tx: &mut Tx) -> Result<()> {
        self.within(tx, &mut Vec::<()>::new()).await
    }
}

fn statement(
    engine: EngineKind,
    sql: &str,
    columns: Vec<(&'static str, Column)>,
    rows: usize,
    from: &'static Location<'static>,
) -> Query {
    match engine {
        EngineKind::Postgres => {
            let (arrays, names) = unnest(&columns);
            let source = format!("{arrays} as rows({names})");
            Query::over_arrays(sql.replace("{rows}", &source), columns.into_iter().map(|(_, column)| column), from)
        }
        EngineKind::Sqlite => {
            let names: Vec<_> =
                columns.iter().enumerate().map(|(at, (name, _))| format!("column{} as {name}", at + 1)).collect();
            let width = columns.len();
            let row = format!("({})", vec!["?"; width].join(", "));
            let source = format!("(select {} from (values {})) as rows", names.join(", "), vec![row; rows].join(", "));
            let mut cells: Vec<_> = columns.into_iter().map(|(_, column)| column.into_values()).collect();
            let mut values = Vec::with_capacity(rows * width);
            for _ in 0..rows {
                values.extend(cells.iter_mut().map(|column| column.next().expect("columns have one length")));
            }
            Query::unprepared(sql.replace("{rows}", &source), values, from)
        }
    }
}

/// Returns PostgreSQL's table of given rows, `unnest($1::uuid[], …)`, and the names of its columns.
pub(super) fn unnest(columns: &[(&'static str, Column)]) -> (String, String) {
    let array = |(at, (_, column)): (usize, &(_, Column))| format!("${}::{}[]", at + 1, column.pg_type());
    let arrays: Vec<_> = columns.iter().enumerate().map(array).collect();
    let names: Vec<_> = columns.iter().map(|(name, _)| *name).collect();
    (format!("unnest({})", arrays.join(", ")), names.join(", "))
}

impl Column {
    fn len(&self) -> usize {
        match self {
            Column::Uuid(values) => values.len(),
            Column::Text(values) => values.len(),
            Column::Int(values) => values.len(),
            Column::Bool(values) => values.len(),
            Column::Time(values) => values.len(),
            Column::Json(values) => values.len(),
        }
    }

    pub(super) fn pg_type(&self) -> &'static str {
        match self {
            Column::Uuid(_) => "uuid",
            Column::Text(_) => "text",
            Column::Int(_) => "bigint",
            Column::Bool(_) => "boolean",
            Column::Time(_) => "timestamptz",
            Column::Json(_) => "jsonb",
        }
    }

    fn split_front(&mut self, rows: usize) -> Column {
        fn front<T>(values: &mut Vec<T>, rows: usize) -> Vec<T> {
            let rest = values.split_off(rows);
            std::mem::replace(values, rest)
        }
        match self {
            Column::Uuid(values) => Column::Uuid(front(values, rows)),
            Column::Text(values) => Column::Text(front(values, rows)),
            Column::Int(values) => Column::Int(front(values, rows)),
            Column::Bool(values) => Column::Bool(front(values, rows)),
            Column::Time(values) => Column::Time(front(values, rows)),
            Column::Json(values) => Column::Json(front(values, rows)),
        }
    }

    /// Adds the values of a column of the same type.
    pub(super) fn append(&mut self, other: Column) {
        match (self, other) {
            (Column::Uuid(values), Column::Uuid(more)) => values.extend(more),
            (Column::Text(values), Column::Text(more)) => values.extend(more),
            (Column::Int(values), Column::Int(more)) => values.extend(more),
            (Column::Bool(values), Column::Bool(more)) => values.extend(more),
            (Column::Time(values), Column::Time(more)) => values.extend(more),
            (Column::Json(values), Column::Json(more)) => values.extend(more),
            (values, more) => debug_assert!(false, "columns of one type: {values:?} {more:?}"),
        }
    }

    pub(super) fn into_values(self) -> Box<dyn Iterator<Item = Value> + Send> {
        match self {
            Column::Uuid(values) => Box::new(values.into_iter().map(Value::Uuid)),
            Column::Text(values) => Box::new(values.into_iter().map(Value::Text)),
            Column::Int(values) => Box::new(values.into_iter().map(Value::Int)),
            Column::Bool(values) => Box::new(values.into_iter().map(Value::Bool)),
            Column::Time(values) => Box::new(values.into_iter().map(Value::Time)),
            Column::Json(values) => Box::new(values.into_iter().map(Value::Json)),
        }
    }

    pub(super) fn add_array_to(
        self,
        arguments: &mut sqlx_postgres::PgArguments,
    ) -> std::result::Result<(), sqlx::error::BoxDynError> {
        use sqlx::Arguments;
        match self {
            Column::Uuid(values) => arguments.add(values),
            Column::Text(values) => {
                arguments.add(values.into_iter().map(|value| value.map(without_nul)).collect::<Vec<_>>())
            }
            Column::Int(values) => arguments.add(values),
            Column::Bool(values) => arguments.add(values),
            Column::Time(values) => arguments.add(values),
            Column::Json(values) => {
                arguments.add(values.into_iter().map(|value| value.map(json_without_nul).map(Json)).collect::<Vec<_>>())
            }
        }
    }
}

macro_rules! column_from {
    ($($variant:ident: $type:ty),* $(,)?) => {$(
        impl FromIterator<$type> for Column {
            fn from_iter<I: IntoIterator<Item = $type>>(values: I) -> Self {
                Column::$variant(values.into_iter().map(Some).collect())
            }
        }
        impl FromIterator<Option<$type>> for Column {
            fn from_iter<I: IntoIterator<Item = Option<$type>>>(values: I) -> Self {
                Column::$variant(values.into_iter().collect())
            }
        }
    )*};
}

column_from!(Uuid: Uuid, Text: String, Int: i64, Bool: bool, Time: DateTime<Utc>, Json: serde_json::Value);
