//! Herald put together: its settings, made of the sections of its parts, and the one list of its kinds of jobs.

pub mod config;
pub mod jobs;
pub mod open_files;
pub mod probe;
