//! The mail server of a workspace's connection.

use std::time::Duration;

use rustls::pki_types::CertificateDer;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{
    Backend, MailTls, Mailbox, Mailer, names,
    smtp::{Smtp, SmtpSettings, Whose},
};
use crate::{http, outside::Guard, secret::expose_some};
use herald_base::clock::Clock;

/// A mail server, as a workspace's people enter it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SmtpServer {
    /// The name of the server, such as smtp.example.com.
    pub host: String,
    /// The port. 0: the usual one, 587 with `starttls` and 465 with `tls`.
    #[serde(default)]
    pub port: u16,
    /// How the connection is encrypted. `none` is only for a server in a network that the administrator allows.
    #[serde(default)]
    pub tls: MailTls,
    /// The user. Left out: the server requires no login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

impl SmtpServer {
    /// The port at which the server is called.
    pub fn port(&self) -> u16 {
        self.tls.port(self.port)
    }

    /// The name with which Herald greets the server: the domain of the user's address, or else the server's own name.
    fn hello(&self) -> String {
        let of_user = self.user.as_deref().and_then(|user| Mailbox::new(None, user).ok());
        of_user.map_or_else(|| self.host.clone(), |user| user.domain().to_owned())
    }
}

/// What is secret of a mail server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SmtpSecret {
    /// The password of the user.
    #[serde(default, serialize_with = "expose_some")]
    pub password: Option<SecretString>,
}

/// A mail server, and how it may be called.
#[derive(Debug)]
pub struct MailServer {
    /// The server.
    pub server: SmtpServer,
    /// What is secret of it.
    pub secret: SmtpSecret,
    /// How long an answer may take.
    pub limit: Duration,
    /// How many connections may be open at once at first, and at most if all goes well.
    pub connections: (usize, usize),
    /// Which addresses may be called.
    pub guard: Guard,
    /// Certificates to trust beside the public ones.
    pub roots: Vec<CertificateDer<'static>>,
}

impl Mailer {
    /// Creates the mailer of a connection. It connects when there is an e-mail to send. Every e-mail names its sender.
    ///
    /// # Errors
    /// When the name of the server is not valid.
    pub fn of_connection(of: MailServer, clock: Clock) -> anyhow::Result<Self> {
        let MailServer { server, secret, limit, connections, guard, roots } = of;
        let smtp = Smtp::new(SmtpSettings {
            port: server.port(),
            security: server.tls,
            tls: http::tls(&roots)?,
            hello: server.hello(),
            login: server.user.zip(secret.password),
            host: server.host,
            limit,
            connections,
            guard: Some(guard),
            names: names::OF_CONNECTION,
            whose: Whose::Workspace,
            clock: clock.clone(),
        })?;
        Ok(Self::over(None, None, clock, Backend::Smtp(Box::new(smtp))))
    }
}
