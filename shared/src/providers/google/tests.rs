//! Google's client without Google.

mod errors;
mod key_file;
mod server;
mod tokens;

/// Of nobody: made for these tests.
const KEY: &str = include_str!("tests/key.pem");
