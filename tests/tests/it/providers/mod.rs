//! The clients of outside systems against their fakes.

mod google;
