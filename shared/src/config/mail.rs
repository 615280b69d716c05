//! `[mail]`

use std::{fmt, net::IpAddr};

use serde::Deserialize;

use super::SettingsError;
use crate::providers::email::Mailbox;

/// `[mail]`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct Mail {
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

/// How the way to the mail server is kept secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// It begins in clear and is encrypted before anything is said; a server that does not offer that is left.
    StartTls,
    /// Encrypted from the first byte.
    Tls,
    /// In clear.
    None,
}

impl fmt::Debug for Mail {
    /// Without the password, and without the user, which is often an address.
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

impl Mail {
    /// The server's port: the one that is set, or the usual one.
    pub fn port(&self) -> u16 {
        match (self.port, self.tls) {
            (0, MailTls::StartTls) => 587,
            (0, MailTls::Tls) => 465,
            (0, MailTls::None) => 25,
            (port, _) => port,
        }
    }

    /// Holds `[mail]` to what it may be.
    pub(super) fn check(&self) -> Result<(), SettingsError> {
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
        if !(1..=100).contains(&self.max_connections) {
            return refuse("mail.max_connections", &self.max_connections.to_string(), "use 1 to 100");
        }
        if self.user.is_empty() != self.password.is_empty() {
            return refuse("mail.user", "here without mail.password or the other way", "set both or none of them");
        }
        if self.host.is_empty() {
            return Ok(());
        }
        // A port, a scheme or a path in the name would be looked up as part of it.
        if self.host.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '@' | '[' | ']'))
            || (self.host.contains(':') && self.host.parse::<IpAddr>().is_err())
        {
            return refuse("mail.host", &self.host, "use the server's name alone, such as smtp.example.com");
        }
        if from.domain() == "localhost" && !self.is_here() {
            return refuse("mail.from", &self.from, "set it to the address that your mails come from");
        }
        if self.tls == MailTls::None && !self.is_here() && !self.allow_plain {
            let rule = "mails and the password would cross the network in clear: use starttls or tls, or set mail.allow_plain = true";
            return refuse("mail.tls", "none", rule);
        }
        Ok(())
    }

    /// Whether the server is on this machine.
    fn is_here(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use config::Environment;

    use super::super::Settings;
    use super::*;

    fn load(lines: &str) -> Result<Settings, SettingsError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("word"), "hunter2\n").unwrap();
        let path = folder.path().join("herald.toml");
        let lines = lines.replace("DIR", &folder.path().display().to_string());
        std::fs::write(&path, format!("[mail]\n{lines}")).unwrap();
        Settings::from_sources(Some(&path), Environment::with_prefix("HERALD").source(Some(Default::default())))
    }

    #[test]
    fn the_port_is_the_usual_one_unless_it_is_set() {
        for (lines, port) in [
            ("tls = \"starttls\"", 587),
            ("tls = \"tls\"", 465),
            ("tls = \"none\"", 25),
            ("tls = \"tls\"\nport = 2465", 2465),
        ] {
            assert_eq!(load(lines).unwrap().mail.port(), port, "{lines}");
        }
    }

    #[test]
    fn what_cannot_work_is_refused_with_what_to_set() {
        let host = "host = \"smtp.example.com\"\nfrom = \"Herald <herald@example.com>\"\n";
        for (lines, said) in [
            ("from = \"Herald\"", "setting mail.from is Herald: use an address"),
            ("reply_to = \"a@b@c\"", "setting mail.reply_to"),
            ("timeout_seconds = 0", "setting mail.timeout_seconds is 0: use 1 to 120"),
            ("max_connections = 0", "setting mail.max_connections is 0: use 1 to 100"),
            ("user = \"herald\"", "set both or none of them"),
            ("password = \"hunter2\"", "set both or none of them"),
            ("host = \"smtp.example.com\"", "setting mail.from is Herald <herald@localhost>: set it to the address"),
            ("host = \"smtp.example.com:587\"", "use the server's name alone"),
            ("host = \"smtp://smtp.example.com\"", "use the server's name alone"),
            (&format!("{host}tls = \"none\""), "set mail.allow_plain = true"),
            ("tls = \"maybe\"", "maybe"),
        ] {
            let told = load(lines).unwrap_err().to_string();
            assert!(told.contains(said) && !told.contains("hunter2"), "{lines}\n{told}");
        }
        for lines in [
            &format!("{host}tls = \"none\"\nallow_plain = true"),
            "host = \"127.0.0.1\"\ntls = \"none\"",
            "host = \"::1\"\ntls = \"none\"",
        ] {
            assert!(load(lines).is_ok(), "{lines}");
        }
    }

    #[test]
    fn the_password_can_stand_in_a_file_and_is_not_shown() {
        let settings = load("user = \"ann@example.com\"\npassword_file = \"DIR/word\"").unwrap();
        assert_eq!(settings.mail.password, "hunter2");
        let shown = format!("{settings:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("ann@example.com"), "{shown}");
    }
}
