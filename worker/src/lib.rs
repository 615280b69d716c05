//! Does the work: one handler a job kind, imaging, and the runner that keeps leases and writes outcomes.

pub mod fetch;
pub mod jobs;
pub mod presence;
pub mod puller;
pub mod runner;
pub mod studio;
pub mod write_back;
