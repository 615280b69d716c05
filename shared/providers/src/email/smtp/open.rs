//! Opens a connection: encrypted as the settings demand, then logged in.

use std::{io, net::SocketAddr};

use rustls::Error as TlsError;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use super::{
    Smtp,
    connection::{Connection, Stream, Trouble},
};
use crate::email::{MailTls, names::Names};
use crate::{
    Class, ProviderError, Result,
    error::is_certificate,
    outside::{self, LookUpError},
};

impl Smtp {
    /// Opens a connection that can take e-mails.
    pub(super) async fn open(&self) -> Result<Connection> {
        let Names { m, .. } = self.names;
        let stream = self.connect().await?;
        let explain = |trouble: Trouble| self.explained(&trouble);
        let mut connection = match self.security {
            MailTls::StartTls => {
                let mut clear = Connection::on(stream, self.limit);
                clear.greeting().await.map_err(explain)?;
                clear.hello(&self.hello).await.map_err(explain)?;
                if !clear.offers.starttls {
                    // An attacker between the two ends would want the session to go on unencrypted.
                    return Err(self.config(&format!(
                        "offers no STARTTLS, and Herald sends nothing unencrypted: set {m}tls = \"tls\" with port \
                         465, or have STARTTLS set up on the server"
                    )));
                }
                clear.starttls().await.map_err(explain)?;
                let stream = clear.into_stream().ok_or_else(|| {
                    self.config(
                        "sent unrequested data before the connection was encrypted: the connection may be \
                         intercepted, so check the network",
                    )
                })?;
                Connection::on(self.encrypt(stream).await?, self.limit)
            }
            MailTls::Tls => {
                let mut connection = Connection::on(self.encrypt(stream).await?, self.limit);
                connection.greeting().await.map_err(explain)?;
                connection
            }
            MailTls::None => {
                let mut connection = Connection::on(stream, self.limit);
                connection.greeting().await.map_err(explain)?;
                connection
            }
        };
        // EHLO is sent again after STARTTLS, because the unencrypted offer does not count.
        connection.hello(&self.hello).await.map_err(explain)?;
        if let Some(login) = &self.login {
            connection.login(login).await.map_err(explain)?;
        }
        Ok(connection)
    }

    async fn connect(&self) -> Result<Box<dyn Stream>> {
        let Names { m, .. } = self.names;
        let places = self.places().await?;
        let connected = timeout(self.limit, TcpStream::connect(places.as_slice())).await;
        let stream = connected
            .map_err(|_| {
                self.down(&format!(
                    "does not answer: check {m}host and {m}port, and that this machine can reach the server"
                ))
            })?
            .map_err(|error| match error.kind() {
                io::ErrorKind::ConnectionRefused => {
                    self.down(&format!("refuses the connection: check {m}host and {m}port"))
                }
                _ => self.down(&format!("cannot be reached: check {m}host and {m}port")),
            })?;
        // Commands are small and wait for their answers.
        stream.set_nodelay(true).map_err(|_| self.down("closed the connection"))?;
        Ok(Box::new(stream))
    }

    /// The addresses of the server. Those of a connection have all been checked, and the stream goes to no others.
    async fn places(&self) -> Result<Vec<SocketAddr>> {
        let Names { m, .. } = self.names;
        let looked_up = timeout(self.limit, outside::places(self.guard.as_ref(), &self.host, self.port)).await;
        match looked_up {
            Ok(Ok(places)) => Ok(places),
            Ok(Err(LookUpError::Refused(refused))) => Err(self.config(&refused.to_string())),
            Ok(Err(LookUpError::Failed(_))) => Err(self.down(&format!("cannot be reached: check {m}host and {m}port"))),
            Err(_) => Err(self.down("cannot be looked up in time")),
        }
    }

    async fn encrypt(&self, stream: Box<dyn Stream>) -> Result<Box<dyn Stream>> {
        let Names { m, ca_file, .. } = self.names;
        let connector = TlsConnector::from(self.tls.clone());
        match timeout(self.limit, connector.connect(self.name.clone(), stream)).await {
            Ok(Ok(stream)) => Ok(Box::new(stream)),
            Ok(Err(error)) if is_certificate(&error) => Err(self.config(&format!(
                "has a certificate that is not trusted: check {m}host, have the certificate corrected, or name your \
                 own certificate authority in {ca_file}"
            ))),
            Ok(Err(error)) if is_something_else(&error) && self.security == MailTls::StartTls => Err(self.config(
                "agrees to STARTTLS and goes on unencrypted: have TLS set up on the server; if it worked before, the \
                 connection may be intercepted, so check the network",
            )),
            Ok(Err(error)) if is_something_else(&error) => Err(self.config(&format!(
                "does not speak TLS from the first byte: set {m}tls = \"starttls\", or check {m}port"
            ))),
            Ok(Err(_)) => Err(self.down("closed the connection during the TLS handshake")),
            Err(_) => Err(self.down("did not answer in time during the TLS handshake")),
        }
    }

    fn config(&self, what: &str) -> ProviderError {
        ProviderError::new(Class::Config, format!("the mail server {} {what}", self.server()))
    }

    fn down(&self, what: &str) -> ProviderError {
        ProviderError::new(Class::Down, format!("the mail server {} {what}", self.server()))
    }
}

/// Whether the received bytes are not TLS at all.
fn is_something_else(error: &io::Error) -> bool {
    let inside = error.get_ref().and_then(|inside| inside.downcast_ref());
    matches!(inside, Some(TlsError::InvalidMessage(_)))
}
