//! What a test of a connection says.

use serde::{Deserialize, Serialize};

/// One thing a test of a connection found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was found, and if it is wrong, what to do.
    pub text: String,
}

impl Finding {
    /// Something that is as it should be.
    pub fn ok(text: impl Into<String>) -> Self {
        Self { ok: true, text: text.into() }
    }

    /// Something that a person has to set right.
    pub fn wrong(text: impl Into<String>) -> Self {
        Self { ok: false, text: text.into() }
    }
}
