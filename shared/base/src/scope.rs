//! The scopes of API keys.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A permission of an API key, such as `invitation-runs:write`. Permission to write includes permission to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope {
    /// The first part of the paths that the scope opens.
    pub area: String,
    /// Whether the scope permits changes.
    pub write: bool,
}

impl Scope {
    /// Whether a key with this scope also has the other one.
    pub fn holds(&self, other: &Self) -> bool {
        self.area == other.area && (self.write || !other.write)
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text:?} is not a scope: use one such as invitation-runs:read or invitation-runs:write");
        let (area, verb) = text.split_once(':').ok_or_else(wrong)?;
        let write = match verb {
            "read" => false,
            "write" => true,
            _ => return Err(wrong()),
        };
        let fits = |c: char| c.is_ascii_lowercase() || c == '-';
        if area.is_empty() || area.len() > 40 || !area.chars().all(fits) {
            return Err(wrong());
        }
        Ok(Self { area: area.to_owned(), write })
    }
}

impl TryFrom<String> for Scope {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.area, if self.write { "write" } else { "read" })
    }
}
