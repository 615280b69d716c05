//! Every test that needs more than one crate, in one program.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails; the lint only knows functions marked as tests")]

mod api;
mod boxed_seams;
mod conformance;
mod dashboards;
mod endings;
mod fakes;
mod fences;
mod files;
mod fleet;
mod ground;
mod guest_list;
mod ledger;
mod messaging;
mod new_domain;
mod outside;
mod providers;
mod rate_limits;
mod runner;
mod sources;
mod test_databases;
