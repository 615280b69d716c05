//! The binary `herald`, run as its users run it.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test says what is wrong by ending")]

mod bad_input;
mod chaos;
mod commands;
mod compose;
mod fleet;
mod http;
mod kill_table;
mod probe;
mod stage;
mod studio;
mod traces;
mod workbooks;
