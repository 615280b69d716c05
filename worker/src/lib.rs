//! Herald worker.

pub mod imaging;
pub mod runner;
