//! What an error of a provider means. Decided once, where the answer is read.

use std::{error::Error, io, time::Duration};

use thiserror::Error;

use herald_base::telemetry::Answer;

/// What can be done about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// We ask too often: everything that calls them so waits.
    Rate,
    /// This request failed on their side; trying it again can help.
    Transient,
    /// Nobody answers, or they say that they are away: every request would fail.
    Down,
    /// They do not know us any more, or do not let us.
    Auth,
    /// The one thing asked for cannot be had: others can.
    Recipient,
    /// A person has to set something right, here or there; until then every request would fail.
    Config,
    /// Nobody knows whether it was done.
    Unknown,
}

/// A failed call. Its text is one sentence for an agency's admin: what is wrong, and what to do. It never holds a
/// secret, a body or a query.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ProviderError {
    /// What can be done about it.
    pub class: Class,
    /// What is wrong and what to do.
    pub message: String,
    /// How long the provider asked us to wait.
    pub retry_after: Option<Duration>,
}

impl ProviderError {
    /// An error of a class.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), retry_after: None }
    }

    /// The same, after the provider asked for a wait.
    #[must_use]
    pub fn after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    /// Whether a person is needed before anything more can be done with this provider.
    pub fn needs_a_person(&self) -> bool {
        matches!(self.class, Class::Auth | Class::Config)
    }

    /// How it is counted.
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

    /// What became of a request that got no answer, or half of one. `who` is the provider as people know it.
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

/// Whether this is about a certificate that is not trusted.
pub(super) fn is_certificate(error: &(dyn Error + 'static)) -> bool {
    match error.downcast_ref::<io::Error>() {
        // An I/O error names what is inside its content as its source, never the content itself.
        Some(wrapper) => wrapper.get_ref().is_some_and(|content| is_certificate(content)),
        None => matches!(error.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))),
    }
}
