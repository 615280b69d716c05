//! Mails, against a mail server of the test's own and in the outbox. Only the mailer is tested, without a database.

mod bad_relays;
mod content;
mod outbox;
mod refusals;
mod relays;
mod security;

use std::{path::PathBuf, sync::Arc};

use chrono::{DateTime, Utc};
use herald_app::config::{Settings, SettingsError};
use herald_base::clock::Clock;
use herald_providers::email::{AccountMail, Mailbox, Mailer, Message};
use herald_tests::fakes::{FakeSmtp, SmtpPlace};
use tempfile::TempDir;
use uuid::Uuid;

fn noon() -> DateTime<Utc> {
    "2026-11-26T12:00:00Z".parse().unwrap()
}

/// A folder with settings, and where the outbox would be.
struct Mailroom {
    folder: TempDir,
}

impl Mailroom {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn outbox(&self) -> PathBuf {
        self.folder.path().join("outbox")
    }

    /// Lines of `[mail]`, and what stands before it.
    fn settings(&self, before: &str, lines: &str) -> Result<Settings, SettingsError> {
        let file = self.folder.path().join("herald.toml");
        std::fs::write(&file, format!("{before}\n[mail]\n{lines}")).unwrap();
        Settings::load(Some(&file))
    }

    fn mailer(&self, lines: &str) -> Mailer {
        let settings = self.settings("", lines).unwrap();
        Mailer::from_settings(&settings, self.folder.path(), Clock::manual(noon())).unwrap()
    }
}

/// A server, and a mailer that trusts it and knows the password, with further lines of settings.
async fn served(place: SmtpPlace, lines: &str) -> (FakeSmtp, Mailer, Mailroom) {
    let (server, mailroom) = (FakeSmtp::start_as(place).await, Mailroom::new());
    server.write_certificate(&mailroom.certificate());
    let mailer = mailroom.mailer(&format!("{}{lines}\n", server.settings(&mailroom.certificate())));
    (server, mailer, mailroom)
}

fn message(id: u128) -> Message {
    let mail = AccountMail::VerifyAddress { code: "482913".to_owned(), minutes: 10 };
    let to = Mailbox::parse("Ann Example <ann@example.org>").unwrap();
    Message::account(Uuid::from_u128(id), to, mail.render("en"))
}

/// Mails sent at the same time, all of them well.
async fn send_together(mailer: &Mailer, count: u128) {
    let mailer = Arc::new(mailer.clone());
    let sent = (0..count).map(|id| {
        let mailer = mailer.clone();
        async move { mailer.send(&message(id)).await.unwrap() }
    });
    futures::future::join_all(sent).await;
}
