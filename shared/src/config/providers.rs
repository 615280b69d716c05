//! `[providers]`, `[google]` and `[secrets]`

use std::{fmt, time::Duration};

use anyhow::Context;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde::Deserialize;
use url::Url;

use super::SettingsError;
use crate::providers::{HttpSettings, google::Endpoints};

/// `[providers]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct Providers {
    pub timeout_seconds: u64,
    pub ca_file: String,
}

impl Providers {
    /// How providers are called under these settings.
    ///
    /// # Errors
    /// When the file of certificates cannot be read.
    pub fn http(&self) -> anyhow::Result<HttpSettings> {
        let mut settings =
            HttpSettings { total_timeout: Duration::from_secs(self.timeout_seconds), ..HttpSettings::default() };
        settings.extra_roots = roots("providers.ca_file", &self.ca_file)?;
        Ok(settings)
    }
}

/// The certificates in a setting's file; none when no file is named.
///
/// # Errors
/// When the file cannot be read or holds something else.
pub(crate) fn roots(key: &str, file: &str) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    if file.is_empty() {
        return Ok(Vec::new());
    }
    let what = || format!("the setting {key} is {file:?}: name a file of PEM certificates");
    let found: Vec<_> =
        CertificateDer::pem_file_iter(file).with_context(what)?.collect::<Result<_, _>>().with_context(what)?;
    anyhow::ensure!(!found.is_empty(), "{}", what());
    Ok(found)
}

/// `[google]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct Google {
    pub token_url: String,
    pub auth_url: String,
    pub drive_url: String,
    pub upload_url: String,
    pub file_link: String,
}

impl Google {
    /// Where Google is.
    ///
    /// # Errors
    /// [`SettingsError::Range`] when one is no web address.
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

/// `[secrets]`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct Secrets {
    pub key: String,
    pub key_file: String,
}

impl fmt::Debug for Secrets {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

impl Secrets {
    /// The keys that the settings give: the first seals, the others still open what they sealed. None: the data folder has the key.
    ///
    /// # Errors
    /// [`SettingsError::Key`] when one is not 64 hexadecimal digits.
    pub fn keys(&self) -> Result<Vec<[u8; 32]>, SettingsError> {
        super::keys("secrets.key", &self.key)
    }
}
