//! The ledger's rules, each with a test that can fail. Every test runs on both engines, but for those about two
//! transactions that meet: SQLite has one writer.

mod acting;
mod auditing;
mod batches;
mod cancelling;
mod dispatching;
mod enqueueing;
mod expiry;
mod fairness;
mod fencing;
mod finding;
mod held;
mod leases;
mod limits;
mod model;
mod outcomes;
mod retention;
mod retrying;
mod schedules;
mod traces;
mod unique_jobs;
mod unique_modes;
