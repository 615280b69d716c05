//! What every Herald process agrees on: configuration, database, ledger, wire and domain.

pub mod clock;
pub mod csv;
pub mod db;
pub mod expression;
pub mod ids;
pub mod template;
