//! Herald worker.

pub mod imaging;
