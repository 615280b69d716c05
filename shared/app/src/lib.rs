//! Assembles Herald: the settings from the sections of its parts, and the list of all kinds of jobs.

pub mod config;
pub mod jobs;
pub mod open_files;
pub mod probe;
