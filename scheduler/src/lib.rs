//! Herald scheduler.
