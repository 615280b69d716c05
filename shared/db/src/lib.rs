//! The database: PostgreSQL for a fleet, SQLite for one machine, one set of statements for both.
//!
//! Only this module (and the test harness) imports sqlx. Statements are written once, in the subset both engines share,
//! with `$1` parameters and real types; where an engine-specific statement pays, it stands beside its twin in one
//! function. The conformance suite in `tests/` runs every query on both engines.
//!
//! Rules that keep the engines alike: times and ids come from Rust, times are cut to microseconds, JSON columns hold
//! objects or arrays only, and no statement uses `now()`, arrays or `ILIKE`.

mod bulk;
mod connect;
mod error;
mod lookup;
mod makers;
mod migrations;
mod pool;
mod query;
mod tx;
mod value;
mod watch;

pub use bulk::{Bulk, Column};
pub use connect::{Db, DbConfig, EngineKind};
pub use error::{DbError, Result};
pub use lookup::{Lookup, lookup};
pub use query::{Query, Record, Target, query};
pub use sqlx::{FromRow, types::Json};
pub use tx::Tx;
pub use value::Value;
pub use watch::Watch;
