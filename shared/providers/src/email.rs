//! E-mail: the e-mails about accounts, and later the e-mails of campaigns.
//!
//! A [`Mailer`] hands e-mails to the mail server of the settings. Without a mail server, it writes them into the
//! outbox, a folder of the data folder. Its errors have the [classes](super::Class) of every provider. Two classes have
//! a special meaning here:
//!
//! - [`Class::Unknown`](super::Class::Unknown): the server received the whole e-mail and did not answer. A second
//!   attempt may deliver it twice. Both copies have the same `Message-ID`, and most mail programs then show them as
//!   one. That is harmless for a code, but not for a campaign.
//! - [`Class::Config`](super::Class::Config) and [`Class::Rate`](super::Class::Rate) can come from the recipient's
//!   server through our server ([`reply`]). Then only the job of this one e-mail waits.
//!
//! The crate lettre writes the e-mails; the dialogue with servers is [Herald's own](smtp).

mod account;
mod connection;
mod line;
mod mailbox;
mod message;
mod names;
mod outbox;
mod relays;
mod reply;
mod settings;
mod smtp;

use std::{
    fmt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context;
use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use self::settings::{MailSettings, MailTls};
pub use self::{
    account::{AccountMail, Rendered},
    connection::{MailServer, SmtpSecret, SmtpServer},
    mailbox::{BadMailbox, Mailbox},
    message::Message,
    relays::Relays,
};
use self::{
    outbox::Outbox,
    relays::Rest,
    smtp::{Smtp, SmtpSettings, Whose},
};
use super::{Finding, ProviderError, Result, http, roots};
use herald_base::{boxed, clock::Clock, settings::EnvironmentKind, telemetry::Call};

/// The provider's name in metrics and traces.
const NAME: &str = "email";

/// Sends e-mails. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Mailer(Arc<Inner>);

struct Inner {
    /// The sender of e-mails that name none. A connection has none: its senders have addresses of their own.
    from: Option<Mailbox>,
    reply_to: Option<Mailbox>,
    clock: Clock,
    /// Whether it is left out for now, where there are others.
    rest: Mutex<Option<Rest>>,
    backend: Backend,
}

enum Backend {
    Smtp(Box<Smtp>),
    Outbox(Outbox),
}

/// The settings that a mailer needs.
#[derive(Clone, Copy, Debug)]
pub struct MailerSettings<'s> {
    /// `[mail]`
    pub mail: &'s MailSettings,
    /// The environment, which says how careful Herald is.
    pub environment: EnvironmentKind,
}

/// The proof that an e-mail was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The `Message-ID` of the e-mail, the same for every attempt of the same message.
    pub message_id: String,
    /// The server's answer, by which its log can be searched; or the name of the file in the outbox.
    pub said: String,
}

impl Mailer {
    /// Creates the mailer of the settings. It connects when there is an e-mail to send.
    ///
    /// # Errors
    /// In production without a mail server, unless the settings allow that; when the file of certificates cannot be
    /// read.
    pub fn from_settings<'s>(
        settings: impl Into<MailerSettings<'s>>,
        data_folder: &Path,
        clock: Clock,
    ) -> anyhow::Result<Self> {
        let MailerSettings { mail, environment } = settings.into();
        let from = Mailbox::parse(&mail.from).context("reading the setting mail.from")?;
        let reply_to = match mail.reply_to.as_str() {
            "" => None,
            address => Some(Mailbox::parse(address).context("reading the setting mail.reply_to")?),
        };
        let backend = if mail.host.is_empty() {
            anyhow::ensure!(
                environment == EnvironmentKind::Development || mail.allow_outbox,
                "no mail server is set, and in production e-mails must reach people: set mail.host, mail.from, \
                 mail.user and mail.password (docs/mail.md), or mail.allow_outbox = true to keep e-mails as files \
                 without sending them"
            );
            Backend::Outbox(Outbox::in_folder(data_folder))
        } else {
            let login = (!mail.user.is_empty()).then(|| (mail.user.clone(), mail.password.clone().into()));
            Backend::Smtp(Box::new(Smtp::new(SmtpSettings {
                host: mail.host.clone(),
                port: mail.port(),
                security: mail.tls,
                tls: http::tls(&roots("mail.ca_file", &mail.ca_file)?)?,
                login,
                hello: from.domain().to_owned(),
                limit: Duration::from_secs(mail.timeout_seconds),
                connections: (mail.max_connections, mail.max_connections),
                guard: None,
                names: names::OF_SETTINGS,
                whose: Whose::Installation,
                clock: clock.clone(),
            })?))
        };
        Ok(Self::over(Some(from), reply_to, clock, backend))
    }

    fn over(from: Option<Mailbox>, reply_to: Option<Mailbox>, clock: Clock, backend: Backend) -> Self {
        Self(Arc::new(Inner { from, reply_to, clock, rest: Mutex::default(), backend }))
    }

    /// Leaves the mail server out for a while. All clones do.
    fn rest(&self, rest: Rest) {
        *self.0.rest.lock().unwrap_or_else(PoisonError::into_inner) = Some(rest);
    }

    /// Why the mail server is left out now, if it is.
    fn resting(&self, now: DateTime<Utc>) -> Option<Rest> {
        let rest = self.0.rest.lock().unwrap_or_else(PoisonError::into_inner);
        rest.as_ref().filter(|rest| rest.is_on(now)).cloned()
    }

    /// Sends an e-mail. A repeated attempt after an error has the same `Message-ID`.
    ///
    /// # Errors
    /// By its class; see the module for [`Class::Unknown`](super::Class::Unknown).
    #[boxed]
    pub async fn send(&self, message: &Message) -> Result<Receipt> {
        let call = Call::begin(NAME);
        let sent = self.hand_over(message).await;
        call.end_with(&sent, ProviderError::answer);
        sent
    }

    async fn hand_over(&self, message: &Message) -> Result<Receipt> {
        let Inner { from, reply_to, clock, backend, .. } = &*self.0;
        let now = clock.now();
        let letter = message.write(from.as_ref(), reply_to.as_ref(), now)?;
        let message_id = letter.message_id.clone();
        let said = match backend {
            Backend::Smtp(smtp) => smtp.send(&letter).await?,
            Backend::Outbox(outbox) => outbox.write(letter, now).await?,
        };
        Ok(Receipt { message_id, said })
    }

    /// Whether e-mails are kept as files and not sent to anybody.
    pub fn is_outbox(&self) -> bool {
        matches!(self.0.backend, Backend::Outbox(_))
    }

    /// Tests the connection without sending an e-mail. It connects and logs in to the server, or writes to the outbox.
    #[boxed]
    pub async fn check(&self) -> Vec<Finding> {
        let way = match &self.0.backend {
            Backend::Smtp(smtp) => {
                let call = Call::begin(NAME);
                let found = smtp.check().await;
                call.end_with(&found, ProviderError::answer);
                found
            }
            Backend::Outbox(outbox) => outbox.check().await.map(|()| {
                format!("e-mails are only written into {}: set mail.host to send them", outbox.folder().display())
            }),
        };
        let from = self.0.from.as_ref().map(|from| format!("the sender of e-mails is {}", from.address()));
        let way = match way {
            Ok(text) => Finding::ok(text),
            Err(error) if self.0.from.is_none() => Finding::failed(error),
            Err(error) => Finding::wrong(error.message),
        };
        std::iter::once(way).chain(from.map(Finding::ok)).collect()
    }

    /// Sends an e-mail that only says that e-mails can be sent.
    ///
    /// # Errors
    /// As [`Mailer::send`].
    #[boxed]
    pub async fn send_test(&self, id: Uuid, to: Mailbox) -> Result<Receipt> {
        let text = "This e-mail shows that Herald can send e-mails.\n";
        self.send(&Message {
            id,
            to,
            from: None,
            envelope_from: None,
            reply_to: None,
            subject: "A test from Herald".to_owned(),
            text: text.to_owned(),
            html: None,
            headers: vec![("Auto-Submitted".to_owned(), "auto-generated".to_owned())],
        })
        .await
    }
}

impl fmt::Debug for Mailer {
    /// Omits the login and the addresses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.backend {
            Backend::Smtp(smtp) => write!(f, "Mailer({})", smtp.server()),
            Backend::Outbox(_) => f.write_str("Mailer(outbox)"),
        }
    }
}
