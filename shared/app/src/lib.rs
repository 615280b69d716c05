//! Assembles Herald: the settings from the sections of its parts, the list of all kinds of jobs, and that of all
//! domains that hold something about people.

pub mod config;
pub mod holders;
pub mod jobs;
pub mod open_files;
pub mod probe;
