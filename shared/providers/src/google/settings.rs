//! `[google]`

use serde::Deserialize;
use url::Url;

use super::Endpoints;
use herald_base::settings::SettingsError;

/// `[google]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct GoogleSettings {
    pub token_url: String,
    pub auth_url: String,
    pub drive_url: String,
    pub upload_url: String,
    pub file_link: String,
}

impl GoogleSettings {
    /// Returns the addresses of Google.
    ///
    /// # Errors
    /// [`SettingsError::Range`] when one is not a web address.
    pub fn endpoints(&self) -> Result<Endpoints, SettingsError> {
        let read = |key, text: &str| {
            let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
            url.ok_or_else(|| SettingsError::Range {
                key,
                value: text.to_owned(),
                rule: "begin it with http:// or https://",
            })
        };
        Ok(Endpoints {
            token_url: read("google.token_url", &self.token_url)?,
            auth_url: read("google.auth_url", &self.auth_url)?,
            drive_url: read("google.drive_url", &self.drive_url)?,
            upload_url: read("google.upload_url", &self.upload_url)?,
        })
    }
}
