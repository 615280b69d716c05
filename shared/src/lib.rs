//! What every Herald process agrees on: configuration, database, ledger, wire and domain.

pub mod clock;
pub mod config;
pub mod connections;
pub mod cpu;
pub mod csv;
pub mod data_folder;
pub mod db;
pub mod domain;
pub mod expression;
pub mod files;
pub mod idempotency;
pub mod ids;
pub mod jobs;
pub mod ledger;
pub mod links;
pub mod people;
pub mod providers;
pub mod rate_limits;
pub mod redis_wire;
pub mod results;
pub mod schedules;
pub mod sweep;
pub mod telemetry;
pub mod template;
mod tls;
pub mod vault;
pub mod wire;
