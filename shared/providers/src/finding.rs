//! What a test of a connection says.

use serde::{Deserialize, Serialize};

use super::ProviderError;

/// One thing a test of a connection found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was found, and if it is wrong, what to do.
    pub text: String,
    /// It is wrong only now, such as a server that is away: nobody has to do anything.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub passing: bool,
}

impl Finding {
    /// Something that is as it should be.
    pub fn ok(text: impl Into<String>) -> Self {
        Self { ok: true, text: text.into(), passing: false }
    }

    /// Something that a person has to set right.
    pub fn wrong(text: impl Into<String>) -> Self {
        Self { ok: false, text: text.into(), passing: false }
    }

    /// What could not be found out.
    pub fn failed(error: ProviderError) -> Self {
        Self { ok: false, passing: !error.needs_a_person(), text: error.message }
    }

    /// Whether a person has to set something right.
    pub fn needs_a_person(&self) -> bool {
        !self.ok && !self.passing
    }
}
