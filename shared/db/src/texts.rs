//! Statements over many given texts, such as the e-mail addresses of a list.
//!
//! In the place of `{texts}` the statement gets a table `rows` with one column, `value`. Unlike [`Bulk`](super::Bulk),
//! its text does not change with the number of rows on SQLite either, so it stays prepared there: SQLite gets
//! `json_each($1)`, PostgreSQL `unnest($1::text[])`. All texts go into one statement.

use std::panic::Location;

use super::{Column, EngineKind, Query, query};

/// Starts a statement over texts. The texts are `$1`; `$2`, `$3` … are bound in order:
///
/// ```sql
/// select c.id from {texts} cross join contacts as c where c.workspace_id = $2 and c.email = rows.value
/// ```
///
/// `cross join` makes SQLite begin with the texts; it does not know how many contacts there are.
#[track_caller]
pub fn query_texts(engine: EngineKind, sql: &str, texts: impl IntoIterator<Item = String>) -> Query {
    let from = Location::caller();
    match engine {
        EngineKind::Postgres => {
            let texts: Column = texts.into_iter().collect();
            let sql = sql.replace("{texts}", "unnest($1::text[]) as rows(value)");
            Query::over_arrays(sql, std::iter::once(texts), from)
        }
        EngineKind::Sqlite => {
            let texts: Vec<String> = texts.into_iter().collect();
            let texts = serde_json::to_string(&texts).expect("texts are JSON");
            query(&sql.replace("{texts}", "json_each($1) as rows")).bind(texts).written_at(from)
        }
    }
}
