//! The database: PostgreSQL for a fleet, SQLite for one machine, one set of statements for both.
//!
//! Only this crate (and the test harness) imports sqlx. Statements are written once, in the subset that both engines
//! share, with `$1` parameters and real types. Where an engine-specific statement pays, both versions stand side by
//! side in one function. The conformance suite in `tests/` runs every query on both engines.
//!
//! Some rules keep the engines alike. Times and ids come from Rust, and times are truncated to microseconds. JSON
//! columns hold objects or arrays only. No statement uses `now()`, arrays or `ILIKE`.

mod bulk;
mod connect;
mod contains;
mod error;
mod lookup;
mod makers;
mod migrations;
mod pool;
mod query;
mod rows;
mod texts;
mod tx;
mod value;
mod watch;

pub use bulk::{Bulk, Column};
pub use connect::{Db, DbConfig, EngineKind};
pub use contains::contains;
pub use error::{DbError, Result};
pub use lookup::{Lookup, lookup};
pub use query::{Query, Target, query};
pub use rows::Record;
pub use sqlx::{FromRow, types::Json};
pub use texts::query_texts;
pub use tx::Tx;
pub use value::Value;
pub use watch::Watch;
