//! Herald worker.
