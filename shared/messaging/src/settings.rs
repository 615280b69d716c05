//! `[bounces]`

use serde::Deserialize;

use herald_base::settings::SettingsError;
use secrecy::SecretString;

use crate::SoftLimit;
use herald_providers::mail_events::{Generic, Mailgun, Postmark, SendGrid, Ses};

/// `[bounces]`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct BounceSettings {
    pub soft_times: u32,
    pub soft_days: u32,
    pub lmtp: String,
    pub generic_secret: String,
    pub generic_secret_file: String,
    pub mailgun_key: String,
    pub mailgun_key_file: String,
    pub postmark_login: String,
    pub postmark_login_file: String,
    pub sendgrid_key: String,
    pub ses_topics: String,
}

impl std::fmt::Debug for BounceSettings {
    /// Without what is secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bounces")
            .field("soft_times", &self.soft_times)
            .field("soft_days", &self.soft_days)
            .field("lmtp", &self.lmtp)
            .field("ses_topics", &self.ses_topics)
            .finish_non_exhaustive()
    }
}

fn when_set<T>(
    key: &'static str,
    value: &str,
    make: impl FnOnce(&str) -> Result<T, &'static str>,
) -> Result<Option<T>, SettingsError> {
    if value.is_empty() {
        return Ok(None);
    }
    // The value may be a secret.
    make(value).map(Some).map_err(|rule| SettingsError::Range { key, value: "…".to_owned(), rule })
}

impl BounceSettings {
    /// How often mail to an address may come back for a while.
    pub fn limit(&self) -> SoftLimit {
        SoftLimit { times: i64::from(self.soft_times), days: i64::from(self.soft_days) }
    }

    /// Reads webhooks in Herald's own form; `None` without a secret.
    ///
    /// # Errors
    /// [`SettingsError::Range`].
    pub fn generic(&self) -> Result<Option<Generic>, SettingsError> {
        when_set("bounces.generic_secret", &self.generic_secret, |text| Generic::new(&SecretString::from(text)))
    }

    /// Reads Mailgun's webhooks; `None` without a key.
    ///
    /// # Errors
    /// [`SettingsError::Range`].
    pub fn mailgun(&self) -> Result<Option<Mailgun>, SettingsError> {
        when_set("bounces.mailgun_key", &self.mailgun_key, |text| Mailgun::new(&SecretString::from(text)))
    }

    /// Reads Postmark's webhooks; `None` without a name and a password.
    ///
    /// # Errors
    /// [`SettingsError::Range`].
    pub fn postmark(&self) -> Result<Option<Postmark>, SettingsError> {
        when_set("bounces.postmark_login", &self.postmark_login, |text| Postmark::new(&SecretString::from(text)))
    }

    /// Reads SendGrid's webhooks; `None` without a key.
    ///
    /// # Errors
    /// [`SettingsError::Range`].
    pub fn sendgrid(&self) -> Result<Option<SendGrid>, SettingsError> {
        when_set("bounces.sendgrid_key", &self.sendgrid_key, SendGrid::new)
    }

    /// Reads what Amazon SES tells; `None` without a topic.
    ///
    /// # Errors
    /// [`SettingsError::Range`].
    pub fn ses(&self) -> Result<Option<Ses>, SettingsError> {
        when_set("bounces.ses_topics", &self.ses_topics, Ses::new)
    }

    /// Checks all of them.
    ///
    /// # Errors
    /// [`SettingsError::Range`] for the first that cannot be used.
    pub fn check(&self) -> Result<(), SettingsError> {
        let range = |key, value: u32, most: u32, rule| match value {
            1.. if value <= most => Ok(()),
            _ => Err(SettingsError::Range { key, value: value.to_string(), rule }),
        };
        range("bounces.soft_times", self.soft_times, 100, "use 1 to 100")?;
        range("bounces.soft_days", self.soft_days, 90, "use 1 to 90")?;
        if !self.lmtp.is_empty() && self.lmtp.parse::<std::net::SocketAddr>().is_err() {
            let rule = "use an address and a port, such as 127.0.0.1:2400";
            return Err(SettingsError::Range { key: "bounces.lmtp", value: self.lmtp.clone(), rule });
        }
        self.generic().map(drop)?;
        self.mailgun().map(drop)?;
        self.postmark().map(drop)?;
        self.sendgrid().map(drop)?;
        self.ses().map(drop)
    }
}
