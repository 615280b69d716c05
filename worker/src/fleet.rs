//! What a worker of a fleet does beside its jobs: takes them from Redis, and says that it lives.

pub mod presence;
pub mod puller;
