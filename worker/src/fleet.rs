//! The tasks of a worker in a fleet, besides its jobs: it takes jobs from Redis and sends heartbeats.

pub mod presence;
pub mod puller;
