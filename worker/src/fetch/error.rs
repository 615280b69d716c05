//! The reasons why a fetch fails. This is the only place that decides whether a retry can help.

use herald_base::telemetry::Answer;
use herald_providers::outside::Refused;
use std::{error::Error, io, time::Duration};

/// A failed fetch. Its text is for an agency's administrator. It names the host, but never the path, the query or
/// credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{failure}{}", in_brackets(host))]
pub struct FetchError {
    host: String,
    failure: Failure,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    #[error("not a web address; it must begin with https:// or http://")]
    NotAnAddress,
    #[error("the web address contains a user name or password; remove it")]
    Credentials,
    #[error("port {port} is not allowed in a web address; use 80 or 443, or have the host added to the allow list")]
    Port { port: u16 },
    #[error("the web address leads into a private network; use a public one, or have the host added to the allow list")]
    Private,
    #[error("the web address redirects into a private network{}; use the final, public address", in_brackets(to))]
    PrivateRedirect { to: String },
    #[error("the web address redirects more than {limit} times; use the final address")]
    TooManyRedirects { limit: usize },
    #[error("the web address redirects from https to http; use the final address")]
    Downgrade,
    #[error("the web address redirects to something that cannot be followed; use the final address")]
    BadRedirect,
    #[error("{}", describe(*status))]
    Status { status: u16, retry_after: Option<Duration> },
    #[error("the file is larger than {}; use a smaller one", size(*limit))]
    TooLarge { limit: usize },
    #[error("the server sent the file compressed, which was not asked for; use another address")]
    Compressed,
    #[error("the server sent an empty file; check the address")]
    Empty,
    #[error("the server's certificate is not trusted; have it corrected or use another address")]
    Certificate,
    #[error("no answer within {}", seconds(*after))]
    TimedOut { after: Duration },
    #[error("the server cannot be reached; check the address")]
    Unreachable,
    #[error("the connection broke before the file was complete")]
    Cut,
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NotAnAddress | Refused::NotAHost => Self::NotAnAddress,
            Refused::Credentials => Self::Credentials,
            Refused::Port { port } | Refused::MailPort { port } => Self::Port { port },
            Refused::Private => Self::Private,
        }
    }
}

impl FetchError {
    pub(super) fn new(host: String, failure: Failure) -> Self {
        FetchError { host, failure }
    }

    /// Whether the same fetch may succeed later. All other errors need a person.
    pub fn is_transient(&self) -> bool {
        match self.failure {
            Failure::TimedOut { .. } | Failure::Unreachable | Failure::Cut => true,
            Failure::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            _ => false,
        }
    }

    /// Whether the server asks for fewer requests for a while.
    pub(crate) fn asks_for_patience(&self) -> bool {
        matches!(self.failure, Failure::Status { status: 429, .. })
            || matches!(self.failure, Failure::Status { status: 503, retry_after: Some(_) })
    }

    /// The label under which metrics count the error.
    pub(super) fn answer(&self) -> Answer {
        match self.failure {
            Failure::Status { status: 429, .. } => Answer::Rate,
            Failure::Status { status: 401 | 403, .. } => Answer::Auth,
            _ if self.is_transient() => Answer::Transient,
            _ => Answer::Refused,
        }
    }

    /// How long the server asks Herald to wait, at most a day.
    pub fn retry_after(&self) -> Option<Duration> {
        match self.failure {
            Failure::Status { retry_after, .. } if self.is_transient() => retry_after,
            _ => None,
        }
    }
}

/// Finds the cause in the chain of errors: a certificate, a timeout, or the connection.
pub(super) fn from_reqwest(error: &reqwest::Error, connect_timeout: Duration) -> Failure {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(current) = cause {
        if is_certificate(current) {
            return Failure::Certificate;
        }
        cause = current.source();
    }
    match error {
        error if error.is_timeout() => Failure::TimedOut { after: connect_timeout },
        error if error.is_connect() => Failure::Unreachable,
        _ => Failure::Cut,
    }
}

fn is_certificate(error: &(dyn Error + 'static)) -> bool {
    match error.downcast_ref::<io::Error>() {
        // An I/O error returns the source of its content as its own source, never the content itself.
        Some(wrapper) => wrapper.get_ref().is_some_and(|content| is_certificate(content)),
        None => matches!(error.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))),
    }
}

fn describe(status: u16) -> String {
    match status {
        401 | 403 => format!("the server refuses to show the file (status {status}); make it public"),
        404 | 410 => format!("there is no file at the web address (status {status}); check it"),
        429 => format!("the server asks us to slow down (status {status})"),
        500..=599 => format!("the server has a problem (status {status})"),
        _ => format!("the server answered with status {status} instead of the file; check the address"),
    }
}

fn in_brackets(host: &str) -> String {
    if host.is_empty() { String::new() } else { format!(" ({host})") }
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

fn size(bytes: usize) -> String {
    match bytes {
        b if b >= 1 << 20 => format!("{} MiB", b >> 20),
        b if b >= 1 << 10 => format!("{} KiB", b >> 10),
        b => format!("{b} bytes"),
    }
}
