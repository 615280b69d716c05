//! Does the work: a folder a domain with one handler a kind of job, the runner that keeps leases and writes outcomes,
//! and the studio, whose child processes draw.

pub mod accounts;
pub mod fetch;
pub mod fleet;
pub mod invitations;
pub mod jobs;
pub mod ops;
pub mod people;
pub mod runner;
pub mod studio;
