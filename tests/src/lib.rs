//! What Herald's end-to-end, conformance and chaos tests stand on.
//!
//! The tests themselves are one program, `tests/it`, so that they link once. `./tests/run` starts the servers they
//! need and runs them.

pub mod app;
pub mod corpora;
mod database;
pub mod fakes;
pub mod fence;
pub mod fuzz;
pub mod kill_table;
mod postgres;
mod proxy;
mod s3;
mod sha1;
mod times;
mod wait;

pub use app::App;
pub use database::TestDatabase;
pub use herald_db::EngineKind;
pub use proxy::Proxy;
pub use s3::{FakeS3, S3Call, S3Fault};
pub use times::Timed;
pub use wait::wait_until;
