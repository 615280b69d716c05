//! The parts that all endpoints share: the layers before an endpoint, and the common features of the answers.

pub(crate) mod access;
pub(crate) mod actor;
pub(crate) mod auth;
pub(crate) mod conditional;
pub(crate) mod cors;
pub(crate) mod gate;
pub(crate) mod home;
pub(crate) mod idempotency;
pub(crate) mod input;
pub(crate) mod limits;
pub(crate) mod monitor;
pub(crate) mod notice;
pub(crate) mod observe;
pub(crate) mod openapi;
pub(crate) mod page;
pub(crate) mod problem;
mod quotas;
pub(crate) mod rate_limits;
pub(crate) mod server;
pub(crate) mod upload;
