//! The meaning of a provider's error, decided in the one place where the answer is read.

use std::{error::Error, io, time::Duration};

use thiserror::Error;

use herald_base::telemetry::Answer;

/// The cure for an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// We send requests too often: every call to this provider waits.
    Rate,
    /// This request failed on the provider's side; a retry can help.
    Transient,
    /// The provider does not answer, or says that it is unavailable: every request would fail.
    Down,
    /// The provider no longer knows us, or no longer lets us in.
    Auth,
    /// The one requested object is not available; others are.
    Recipient,
    /// A person has to correct something, here or at the provider; until then every request would fail.
    Config,
    /// The outcome of the request is unknown.
    Unknown,
}

/// A failed call. Its text is one sentence for an agency's admin: the problem and the cure. The text never holds a
/// secret, a body or a query.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ProviderError {
    /// The class, which says what the caller can do.
    pub class: Class,
    /// The problem and the cure.
    pub message: String,
    /// How long the provider asked us to wait.
    pub retry_after: Option<Duration>,
    /// What a mail server said of one e-mail, if that is what failed.
    pub refusal: Option<Refusal>,
}

/// What a mail server said of one e-mail: it may take others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The code of its answer (RFC 5321).
    pub code: u16,
    /// The enhanced status (RFC 3463), such as 5.1.1.
    pub status: Option<(u16, u16, u16)>,
    /// Whether it refused the recipient's address, and not the content.
    pub is_of_address: bool,
}

impl Refusal {
    /// Whether the same may succeed later.
    pub fn is_for_now(&self) -> bool {
        self.code < 500
    }

    /// Whether there is no such mailbox (RFC 3463, 3.2): nothing will ever arrive there.
    pub fn is_no_such_address(&self) -> bool {
        match self.status {
            _ if self.is_for_now() => false,
            Some((_, 1, 1 | 2 | 3 | 6 | 10) | (_, 2, 1)) => true,
            // A server that gives no status says by 550 to RCPT that it does not know the mailbox (RFC 5321, 4.2.3).
            None | Some((_, 0 | 1, 0)) => self.is_of_address && matches!(self.code, 550 | 551 | 553),
            Some(_) => false,
        }
    }
}

impl ProviderError {
    /// Creates an error of a class.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), retry_after: None, refusal: None }
    }

    /// Adds the wait that the provider asked for.
    #[must_use]
    pub fn after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    /// Adds what a mail server said of one e-mail.
    #[must_use]
    pub(crate) fn of_mail(mut self, refusal: Option<Refusal>) -> Self {
        self.refusal = refusal;
        self
    }

    /// Whether a person has to act before the provider can be used again.
    pub fn needs_a_person(&self) -> bool {
        matches!(self.class, Class::Auth | Class::Config)
    }

    /// The answer under which the metrics count the error.
    pub fn answer(&self) -> Answer {
        match self.class {
            Class::Rate => Answer::Rate,
            Class::Transient | Class::Down => Answer::Transient,
            Class::Auth => Answer::Auth,
            Class::Recipient => Answer::Refused,
            Class::Config => Answer::Config,
            Class::Unknown => Answer::Unknown,
        }
    }

    /// Converts the error of a request that got no complete answer. `who` is the name by which people know the
    /// provider.
    pub(crate) fn from_reqwest(who: &str, error: &reqwest::Error) -> Self {
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(current) = cause {
            if is_certificate(current) {
                return Self::new(
                    Class::Config,
                    format!("{who}'s certificate is not trusted: have it corrected, or check the address"),
                );
            }
            cause = current.source();
        }
        let what = match error {
            error if error.is_timeout() => "did not answer in time",
            error if error.is_connect() => "cannot be reached",
            _ => "closed the connection before its answer was complete",
        };
        Self::new(Class::Down, format!("{who} {what}"))
    }
}

/// Whether the cause is an untrusted certificate.
pub(super) fn is_certificate(error: &(dyn Error + 'static)) -> bool {
    match error.downcast_ref::<io::Error>() {
        // An I/O error returns its content's source as its own source, never the content itself.
        Some(wrapper) => wrapper.get_ref().is_some_and(|content| is_certificate(content)),
        None => matches!(error.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))),
    }
}
