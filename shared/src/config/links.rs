//! `[links]`

use std::fmt;

use serde::Deserialize;

use super::SettingsError;

/// `[links]`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct Links {
    pub key: String,
    pub key_file: String,
    pub lifetime_days: u32,
}

impl fmt::Debug for Links {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Links").field("lifetime_days", &self.lifetime_days).finish_non_exhaustive()
    }
}

impl Links {
    /// The keys that the settings give: the first signs, the others still open older links. None: the data folder has the key.
    ///
    /// # Errors
    /// [`SettingsError::Key`] when one is not 64 hexadecimal digits.
    pub fn keys(&self) -> Result<Vec<[u8; 32]>, SettingsError> {
        super::keys("links.key", &self.key)
    }
}
