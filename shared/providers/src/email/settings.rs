//! `[mail]`

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::Mailbox;
use herald_base::settings::SettingsError;

/// At 50 ms an answer, a connection takes ten mails a second: the fastest servers need hundreds.
const MOST_CONNECTIONS: usize = 1_000;

/// `[mail]`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct MailSettings {
    pub from: String,
    pub reply_to: String,
    pub host: String,
    pub port: u16,
    pub tls: MailTls,
    pub user: String,
    pub password: String,
    pub password_file: String,
    pub timeout_seconds: u64,
    pub max_connections: usize,
    pub ca_file: String,
    pub allow_plain: bool,
    pub allow_outbox: bool,
}

/// How the connection to the mail server is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// The connection begins unencrypted and is encrypted before the login. Herald disconnects from a server that does
    /// not offer this.
    #[default]
    StartTls,
    /// The connection is encrypted from the first byte.
    Tls,
    /// The connection is not encrypted.
    None,
}

impl MailTls {
    /// The port of a server: the configured one, or the usual one.
    pub(super) fn port(self, configured: u16) -> u16 {
        match (configured, self) {
            (0, Self::StartTls) => 587,
            (0, Self::Tls) => 465,
            (0, Self::None) => 25,
            (port, _) => port,
        }
    }
}

impl fmt::Debug for MailSettings {
    /// Omits the password, and the user, which is often an address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("tls", &self.tls)
            .field("timeout_seconds", &self.timeout_seconds)
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}

impl MailSettings {
    /// The port of the server: the configured one, or the usual one.
    pub fn port(&self) -> u16 {
        self.tls.port(self.port)
    }

    /// Checks that the values of `[mail]` are allowed.
    ///
    /// # Errors
    /// [`SettingsError::Range`].
    pub fn check(&self) -> Result<(), SettingsError> {
        let refuse = |key, value: &str, rule| Err(SettingsError::Range { key, value: value.to_owned(), rule });
        let Ok(from) = Mailbox::parse(&self.from) else {
            return refuse("mail.from", &self.from, "use an address, such as Herald <herald@example.com>");
        };
        if !self.reply_to.is_empty() && Mailbox::parse(&self.reply_to).is_err() {
            return refuse("mail.reply_to", &self.reply_to, "use an address, or leave it empty");
        }
        if !(1..=120).contains(&self.timeout_seconds) {
            return refuse("mail.timeout_seconds", &self.timeout_seconds.to_string(), "use 1 to 120");
        }
        if !(1..=MOST_CONNECTIONS).contains(&self.max_connections) {
            return refuse("mail.max_connections", &self.max_connections.to_string(), "use 1 to 1000");
        }
        if self.user.is_empty() != self.password.is_empty() {
            return refuse(
                "mail.user",
                "set without mail.password, or mail.password is set without it",
                "set both or neither",
            );
        }
        if self.host.is_empty() {
            return Ok(());
        }
        // The resolver would look up a port, a scheme or a path as part of the name.
        if self.host.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '@' | '[' | ']'))
            || (self.host.contains(':') && self.host.parse::<IpAddr>().is_err())
        {
            return refuse("mail.host", &self.host, "use the server's name alone, such as smtp.example.com");
        }
        if from.domain() == "localhost" && !self.is_here() {
            return refuse("mail.from", &self.from, "set it to the sender address of your e-mails");
        }
        if self.tls == MailTls::None && !self.is_here() && !self.allow_plain {
            let rule = "e-mails and the password would cross the network unencrypted: use starttls or tls, or set \
                        mail.allow_plain = true";
            return refuse("mail.tls", "none", rule);
        }
        Ok(())
    }

    /// Whether the server is on this machine.
    fn is_here(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}
