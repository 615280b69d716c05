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
    /// [`SettingsError::LinkKey`] when one is not 64 hexadecimal digits.
    pub fn keys(&self) -> Result<Vec<[u8; 32]>, SettingsError> {
        let words = self.key.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
        words
            .map(|word| {
                let mut key = [0; 32];
                hex::decode_to_slice(word, &mut key).map(|()| key).map_err(|_| SettingsError::LinkKey)
            })
            .collect()
    }
}
