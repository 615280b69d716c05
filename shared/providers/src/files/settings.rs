//! `[files]`

use std::fmt;

use serde::Deserialize;

/// `[files]`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct FilesSettings {
    pub url: String,
    pub endpoint: String,
    pub region: String,
    pub access_key_id: String,
    pub secret_key: String,
    pub secret_key_file: String,
    pub path_style: bool,
    pub allow_http: bool,
    pub timeout_seconds: u64,
    pub retry_seconds: u64,
}

impl fmt::Debug for FilesSettings {
    /// Omits the keys. The addresses may contain credentials, too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let store = if self.url.is_empty() { "folder" } else { "bucket" };
        f.debug_struct("Files")
            .field("store", &store)
            .field("region", &self.region)
            .field("path_style", &self.path_style)
            .field("allow_http", &self.allow_http)
            .field("timeout_seconds", &self.timeout_seconds)
            .finish_non_exhaustive()
    }
}
