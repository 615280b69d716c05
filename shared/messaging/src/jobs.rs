//! The kinds of job of this domain.

mod sender_test;

pub use sender_test::SenderTest;
