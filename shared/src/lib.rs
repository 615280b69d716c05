//! What every Herald process agrees on: configuration, database, ledger, wire and domain.

pub mod clock;
pub mod csv;
pub mod db;
pub mod domain;
pub mod expression;
pub mod ids;
pub mod jobs;
pub mod ledger;
pub mod links;
pub mod template;
