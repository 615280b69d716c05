//! Messaging: campaigns that write to many people, with a row for every recipient that says what became of the message.

mod error;
pub mod jobs;

pub use error::{MessagingError, Result};
