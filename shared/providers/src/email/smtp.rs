//! The way through a mail server (SMTP).
//!
//! The dialogue is Herald's own, so that it is known how far a mail had come when a connection is lost
//! ([ADR 13](../../../../../docs/adr/0013-smtp.md)): until the end of the mail is written it was not handed over and is sent again; from then
//! on until the answer nobody knows, and the error is [`Class::Unknown`].

mod connection;
mod open;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustls::{ClientConfig, pki_types::ServerName};
use secrecy::SecretString;
use tokio::sync::Semaphore;

use self::connection::{Cannot, Connection, Lost, Trouble};
use super::{
    message::Letter,
    reply::{Reply, Stage, refused},
};
use crate::email::MailTls;
use crate::{Class, ProviderError, Result};

/// Many servers close a connection after a hundred mails.
const MAILS_EACH: u32 = 100;
/// A connection idle for longer may be dead without anybody having said so.
const IDLE: Duration = Duration::from_secs(60);

/// A mail server and the connections to it.
pub(super) struct Smtp {
    host: String,
    port: u16,
    security: MailTls,
    tls: Arc<ClientConfig>,
    name: ServerName<'static>,
    login: Option<Login>,
    /// How we introduce ourselves: by the domain that mails come from, which every server that sends for us knows.
    hello: String,
    limit: Duration,
    /// One for each connection that may be.
    room: Semaphore,
    idle: Mutex<VecDeque<Connection>>,
}

/// How a mail server knows us.
struct Login {
    user: String,
    password: SecretString,
}

/// What an [`Smtp`] is made of.
pub(super) struct SmtpSettings {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: MailTls,
    pub(super) tls: ClientConfig,
    pub(super) login: Option<(String, SecretString)>,
    pub(super) hello: String,
    pub(super) limit: Duration,
    pub(super) connections: usize,
}

impl Smtp {
    /// # Errors
    /// When the host's name is none.
    pub(super) fn new(settings: SmtpSettings) -> anyhow::Result<Self> {
        let name = ServerName::try_from(settings.host.clone()).map_err(|_| {
            anyhow::anyhow!(
                "the setting mail.host is {:?}, which is not a server name: use a name such as smtp.example.com",
                settings.host
            )
        })?;
        Ok(Self {
            host: settings.host,
            port: settings.port,
            security: settings.security,
            tls: Arc::new(settings.tls),
            name,
            login: settings.login.map(|(user, password)| Login { user, password }),
            hello: settings.hello,
            limit: settings.limit,
            room: Semaphore::new(settings.connections),
            idle: Mutex::default(),
        })
    }

    /// Its name and port, as people are told.
    pub(super) fn server(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Connects as for a mail, and says how.
    pub(super) async fn check(&self) -> Result<String> {
        let _room = self.room.acquire().await;
        self.open().await?.quit().await;
        let how = match self.security {
            MailTls::StartTls => "encrypted with STARTTLS",
            MailTls::Tls => "encrypted with TLS",
            MailTls::None => "not encrypted",
        };
        let who = if self.login.is_some() { "accepts mail.user and mail.password" } else { "requires no login" };
        Ok(format!("the mail server {} answers, {how}, and {who}", self.server()))
    }

    /// Sends a mail, and returns what the server said to it.
    pub(super) async fn send(&self, letter: &Letter) -> Result<String> {
        let _room = self.room.acquire().await;
        while let Some(connection) = self.idle_one() {
            match self.deliver(connection, letter).await {
                // The server had closed the connection while nobody looked.
                Err(trouble) if trouble.is_a_closed_door() => {}
                ended => return ended.map_err(|trouble| self.explained(&trouble)),
            }
        }
        let connection = self.open().await?;
        self.deliver(connection, letter).await.map_err(|trouble| self.explained(&trouble))
    }

    async fn deliver(&self, mut connection: Connection, letter: &Letter) -> std::result::Result<String, Trouble> {
        let delivered = connection.deliver(letter).await;
        let goes_on = match &delivered {
            Ok(_) => true,
            Err(Trouble::Refused(_, reply)) => reply.code != 421 && connection.reset().await,
            Err(Trouble::Cannot(_)) => true,
            Err(Trouble::Lost(..) | Trouble::Unanswered(_)) => false,
        };
        if goes_on && connection.mails < MAILS_EACH {
            connection.used_at = std::time::Instant::now();
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push_back(connection);
        } else if goes_on {
            connection.quit().await;
        }
        delivered.map(|reply| reply.shown())
    }

    /// The connection that was used last, if there is one that can still be good. Older ones are dropped.
    fn idle_one(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while idle.front().is_some_and(|oldest| oldest.used_at.elapsed() > IDLE) {
            idle.pop_front();
        }
        idle.pop_back()
    }

    /// The error that a trouble is.
    fn explained(&self, trouble: &Trouble) -> ProviderError {
        let server = self.server();
        let what = |lost: &Lost| match lost {
            Lost::Closed => "closed the connection",
            Lost::Late => "did not answer in time",
            Lost::Strange => "gave an answer that is not SMTP",
        };
        match trouble {
            Trouble::Refused(stage, reply) => refused(&server, *stage, reply),
            Trouble::Lost(Stage::Greeting, Lost::Strange) => ProviderError::new(
                Class::Config,
                format!("the server at {server} is not a mail server: check mail.host and mail.port"),
            ),
            Trouble::Lost(Stage::Greeting, Lost::Late) => ProviderError::new(
                Class::Down,
                format!(
                    "the mail server {server} does not greet: check mail.port, and set mail.tls = \
                     \"tls\" if the port is 465"
                ),
            ),
            Trouble::Lost(Stage::Greeting | Stage::Hello | Stage::Encryption | Stage::Login, lost) => {
                ProviderError::new(Class::Down, format!("the mail server {server} {}", what(lost)))
            }
            Trouble::Lost(_, lost) => ProviderError::new(
                Class::Transient,
                format!("the mail server {server} {} before it had the e-mail", what(lost)),
            ),
            Trouble::Unanswered(lost) => ProviderError::new(
                Class::Unknown,
                format!(
                    "the mail server {server} {} after it had the e-mail, which may or may not have been sent",
                    what(lost)
                ),
            ),
            Trouble::Cannot(Cannot::Login) => ProviderError::new(
                Class::Config,
                format!(
                    "the mail server {server} offers no login by PLAIN or LOGIN: check mail.tls and mail.port, \
                     or leave mail.user empty"
                ),
            ),
            Trouble::Cannot(Cannot::Utf8) => ProviderError::new(
                Class::Recipient,
                format!("the mail server {server} does not accept addresses with letters beyond ASCII"),
            ),
        }
    }
}

impl Trouble {
    /// Whether the connection was at its end before this mail was: nothing was handed over, and another connection can
    /// take it.
    fn is_a_closed_door(&self) -> bool {
        match self {
            Self::Lost(_, lost) => *lost != Lost::Late,
            Self::Refused(Stage::Sender, Reply { code: 421, .. }) => true,
            _ => false,
        }
    }
}
