//! The workers. Each domain has a folder, with one handler for each kind of job. The runner keeps leases and writes
//! outcomes, and the studio draws in child processes.

pub mod accounts;
pub mod contacts;
pub mod fetch;
pub mod fleet;
mod gone;
pub mod invitations;
pub mod jobs;
pub mod leads;
pub mod messaging;
pub mod notifications;
pub mod ops;
pub mod people;
pub mod runner;
pub mod studio;
pub mod workbooks;
