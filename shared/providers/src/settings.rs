//! `[providers]`

use std::time::Duration;

use anyhow::Context;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde::Deserialize;

use super::HttpSettings;

/// `[providers]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct ProvidersSettings {
    pub timeout_seconds: u64,
    pub ca_file: String,
}

impl ProvidersSettings {
    /// The limits of calls to providers under these settings.
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

/// Reads the certificates of a setting's file; empty if the setting names no file.
///
/// # Errors
/// When the file cannot be read or holds something else.
pub fn roots(key: &str, file: &str) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    if file.is_empty() {
        return Ok(Vec::new());
    }
    let what = || format!("the setting {key} is {file:?}: name a file of PEM certificates");
    let found: Vec<_> =
        CertificateDer::pem_file_iter(file).with_context(what)?.collect::<Result<_, _>>().with_context(what)?;
    anyhow::ensure!(!found.is_empty(), "{}", what());
    Ok(found)
}
