//! The findings of a connection test.

use serde::{Deserialize, Serialize};

use super::ProviderError;

/// One finding of a connection test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Whether the tested part works.
    pub ok: bool,
    /// The finding and, if something is wrong, the cure.
    pub text: String,
    /// The problem is temporary, such as an unavailable server, and needs no action of a person.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub passing: bool,
}

impl Finding {
    /// Creates a finding that reports success.
    pub fn ok(text: impl Into<String>) -> Self {
        Self { ok: true, text: text.into(), passing: false }
    }

    /// Creates a finding that a person has to act on.
    pub fn wrong(text: impl Into<String>) -> Self {
        Self { ok: false, text: text.into(), passing: false }
    }

    /// Creates a finding for a test that could not be completed.
    pub fn failed(error: ProviderError) -> Self {
        Self { ok: false, passing: !error.needs_a_person(), text: error.message }
    }

    /// Whether a person has to act.
    pub fn needs_a_person(&self) -> bool {
        !self.ok && !self.passing
    }
}
