//! Sending through a mail server (SMTP).
//!
//! Herald has its own dialogue, so that it knows how far an e-mail had come when a connection is lost ([ADR
//! 13](../../../../../docs/adr/0013-smtp.md)). Until the end of the e-mail is written, the e-mail was not handed over
//! and is sent again. After that and until the answer, the outcome is unknown, and the error is [`Class::Unknown`].

mod connection;
mod each;
mod open;
mod pressure;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustls::{ClientConfig, pki_types::ServerName};
use secrecy::SecretString;

pub(super) use self::pressure::Whose;
use self::{
    connection::{Cannot, Connection, Lost, Trouble},
    each::Each,
    pressure::Pressure,
};
use super::{
    message::Letter,
    reply::{Stage, refused},
};
use crate::email::{MailTls, names::Names};
use crate::{Class, ProviderError, Result, outside::Guard};
use herald_base::clock::Clock;

/// How long a connection may be idle. After a longer time it may be dead without either end having closed it.
const IDLE: Duration = Duration::from_secs(60);
/// A connection that is closed within this time after a mail is closed because of the mail.
const AT_ONCE: Duration = Duration::from_secs(2);

/// A mail server and the connections to it.
pub(super) struct Smtp {
    host: String,
    port: u16,
    security: MailTls,
    tls: Arc<ClientConfig>,
    name: ServerName<'static>,
    login: Option<Login>,
    /// The name in our greeting: the domain of the sender's address, which every server that sends for us knows.
    hello: String,
    limit: Duration,
    /// Which addresses may be called; `None`: the operator named the server.
    guard: Option<Guard>,
    names: Names,
    clock: Clock,
    /// A place for each allowed connection.
    pressure: Pressure,
    each: Mutex<Each>,
    idle: Mutex<VecDeque<Connection>>,
}

/// The login at a mail server.
struct Login {
    user: String,
    password: SecretString,
}

/// The settings of an [`Smtp`].
pub(super) struct SmtpSettings {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: MailTls,
    pub(super) tls: ClientConfig,
    pub(super) login: Option<(String, SecretString)>,
    pub(super) hello: String,
    pub(super) limit: Duration,
    /// How many connections may be open at first, and how many at most.
    pub(super) connections: (usize, usize),
    pub(super) guard: Option<Guard>,
    pub(super) names: Names,
    pub(super) whose: Whose,
    pub(super) clock: Clock,
}

impl Smtp {
    /// # Errors
    /// When the name of the host is not valid.
    pub(super) fn new(settings: SmtpSettings) -> anyhow::Result<Self> {
        let name = ServerName::try_from(settings.host.clone()).map_err(|_| {
            anyhow::anyhow!(
                "{}host is {:?}, which is not a server name: use a name such as smtp.example.com",
                settings.names.m,
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
            guard: settings.guard,
            names: settings.names,
            clock: settings.clock,
            pressure: Pressure::new(settings.whose, settings.connections.0, settings.connections.1),
            each: Mutex::default(),
            idle: Mutex::default(),
        })
    }

    /// The name and port of the server, as messages show them.
    pub(super) fn server(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Connects as for an e-mail, and describes the connection.
    pub(super) async fn check(&self) -> Result<String> {
        let _place = self.pressure.place("").await;
        self.open().await?.quit().await;
        let how = match self.security {
            MailTls::StartTls => "encrypted with STARTTLS",
            MailTls::Tls => "encrypted with TLS",
            MailTls::None => "not encrypted",
        };
        let Names { m, .. } = self.names;
        let who = match self.login {
            Some(_) => format!("accepts {m}user and {m}password"),
            None => "requires no login".to_owned(),
        };
        Ok(format!("the mail server {} answers, {how}, and {who}", self.server()))
    }

    /// Sends an e-mail, and returns the server's answer.
    pub(super) async fn send(&self, letter: &Letter) -> Result<String> {
        let domain = letter.to.rsplit_once('@').map_or("", |(_, domain)| domain);
        let _place = self.pressure.place(domain).await;
        let sent = self.hand_over(letter).await;
        if sent.is_ok() {
            self.pressure.went_well();
        }
        sent
    }

    async fn hand_over(&self, letter: &Letter) -> Result<String> {
        while let Some(connection) = self.idle_one() {
            let (mails, idle) = (connection.mails, connection.used_at.elapsed());
            match self.deliver(connection, letter).await {
                // The server had closed the connection while it was idle.
                Err(trouble) if trouble.is_a_closed_door() => {
                    if matches!(trouble, Trouble::Lost(Stage::Sender, _) | Trouble::Refused(Stage::Sender, _)) {
                        self.was_closed(mails, idle);
                    }
                }
                ended => return ended.map_err(|trouble| self.explained(&trouble)),
            }
        }
        let connection = self.open().await?;
        self.deliver(connection, letter).await.map_err(|trouble| self.explained(&trouble))
    }

    /// Notes that the server closed a connection, so many mails after it was opened and so long after the last.
    fn was_closed(&self, mails: u32, idle: Duration) {
        if idle < AT_ONCE {
            self.each.lock().unwrap_or_else(PoisonError::into_inner).closed_after(mails, self.clock.now());
        }
    }

    /// How many mails a connection is used for.
    fn mails_each(&self) -> u32 {
        self.each.lock().unwrap_or_else(PoisonError::into_inner).most(self.clock.now())
    }

    async fn deliver(&self, mut connection: Connection, letter: &Letter) -> std::result::Result<String, Trouble> {
        let delivered = connection.deliver(letter).await;
        let goes_on = match &delivered {
            Ok(_) => true,
            Err(Trouble::Refused(_, reply)) => reply.code != 421 && !connection.is_over && connection.reset().await,
            Err(Trouble::Cannot(_)) => true,
            Err(Trouble::Lost(..) | Trouble::Unanswered(_)) => false,
        };
        if goes_on && connection.mails < self.mails_each() {
            connection.used_at = std::time::Instant::now();
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push_back(connection);
        } else if goes_on {
            connection.quit().await;
        }
        delivered.map(|reply| reply.shown())
    }

    /// Returns the connection that was used last, if it can still be good. Others are dropped.
    fn idle_one(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while idle.front().is_some_and(|oldest| oldest.used_at.elapsed() > IDLE) {
            idle.pop_front();
        }
        while let Some(mut last) = idle.pop_back() {
            if last.is_quiet() {
                return Some(last);
            }
            self.was_closed(last.mails, last.used_at.elapsed());
        }
        None
    }

    /// Converts a trouble into an error.
    fn explained(&self, trouble: &Trouble) -> ProviderError {
        let (server, Names { m, .. }) = (self.server(), self.names);
        let what = |lost: &Lost| match lost {
            Lost::Closed => "closed the connection",
            Lost::Late => "did not answer in time",
            Lost::Strange => "gave an answer that is not SMTP",
        };
        match trouble {
            Trouble::Refused(stage, reply) => {
                if reply.asks_for_less() {
                    self.pressure.was_too_much(self.clock.now());
                }
                refused(self.names, &server, *stage, reply)
            }
            Trouble::Lost(Stage::Greeting, Lost::Strange) => ProviderError::new(
                Class::Config,
                format!("the server at {server} is not a mail server: check {m}host and {m}port"),
            ),
            Trouble::Lost(Stage::Greeting, Lost::Late) => ProviderError::new(
                Class::Down,
                format!(
                    "the mail server {server} does not greet: check {m}port, and set {m}tls = \
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
                    "the mail server {server} offers no login by PLAIN or LOGIN: check {m}tls and {m}port, \
                     or leave {m}user empty"
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
    /// Whether the connection had ended before this e-mail was handed over, so that another connection can take the
    /// e-mail.
    fn is_a_closed_door(&self) -> bool {
        match self {
            Self::Lost(_, lost) => *lost != Lost::Late,
            // One that wants less would say the same on the next connection.
            Self::Refused(Stage::Sender | Stage::Recipient, reply) => reply.code == 421 && !reply.is_about_speed(),
            _ => false,
        }
    }
}
