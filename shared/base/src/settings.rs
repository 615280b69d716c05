//! The common base of all sections of the settings. Each part of Herald has its own section, and checks its values
//! itself.

pub mod networks;

use serde::Deserialize;
use thiserror::Error;

/// How careful Herald is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EnvironmentKind {
    /// Permits everything that helps to try Herald out.
    Development,
    /// Refuses everything that is only fit for trying out.
    Production,
}

/// A setting that cannot be used.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file, the environment or a value is wrong.
    #[error("settings: {0}")]
    Invalid(String),
    /// A value is outside its range.
    #[error("setting {key} is {value}: {rule}")]
    Range {
        /// The key, as in the environment's dotted form.
        key: &'static str,
        /// The refused value.
        value: String,
        /// The allowed values.
        rule: &'static str,
    },
    /// A secret's file cannot be used.
    #[error("setting {key}_file is {file}: {why}")]
    SecretFile {
        /// The secret's key.
        key: &'static str,
        /// The file that should hold it.
        file: String,
        /// The problem with the file.
        why: String,
    },
    /// The value is not a valid key. The error does not show it.
    #[error("setting {0} (or {0}_file) is not a key of 64 hexadecimal digits: make one with `openssl rand -hex 32`")]
    Key(&'static str),
}

impl SettingsError {
    /// Reports that the file, the environment or a value is wrong, with this explanation.
    pub fn invalid(why: impl std::fmt::Display) -> Self {
        Self::Invalid(why.to_string())
    }
}

/// Reads the keys of a setting: one or several, separated by spaces or commas.
///
/// # Errors
/// [`SettingsError::Key`] if one is not 64 hexadecimal digits.
pub fn keys(setting: &'static str, text: &str) -> Result<Vec<[u8; 32]>, SettingsError> {
    let words = text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
    words
        .map(|word| {
            let mut key = [0; 32];
            hex::decode_to_slice(word, &mut key).map(|()| key).map_err(|_| SettingsError::Key(setting))
        })
        .collect()
}
