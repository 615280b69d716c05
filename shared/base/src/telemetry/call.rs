//! Calls to what Herald depends on: counted, timed, and spans of the trace they are made in.
//!
//! ```text
//! let call = Call::begin("calendar");
//! request.header("traceparent", call.traceparent()) …
//! call.end(Answer::Ok);
//! ```

use std::time::Instant;

use super::{
    catalog::{PROVIDER_CALL, PROVIDER_CALLS},
    span::Span,
};

/// How a provider answered. The provider's module decides it, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It did what it was asked, or said definitely that there is nothing.
    Ok,
    /// We ask too often.
    Rate,
    /// Trying again can help.
    Transient,
    /// It does not know us any more, or does not let us.
    Auth,
    /// What we asked for cannot be had: an address, a recipient, a file is wrong.
    Refused,
    /// A person has to set something right: a setting, a permission.
    Config,
    /// It has no space left.
    Full,
    /// Nobody knows whether it was done.
    Unknown,
    /// We did not wait for it.
    Cancelled,
}

impl Answer {
    /// Every answer, as the label `outcome` has them.
    pub const ALL: &[Self] = &[
        Self::Ok,
        Self::Rate,
        Self::Transient,
        Self::Auth,
        Self::Refused,
        Self::Config,
        Self::Full,
        Self::Unknown,
        Self::Cancelled,
    ];

    /// The label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Rate => "rate",
            Self::Transient => "transient",
            Self::Auth => "auth",
            Self::Refused => "refused",
            Self::Config => "config",
            Self::Full => "full",
            Self::Unknown => "unknown",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A call in progress. Dropped without an answer it was cancelled.
pub struct Call {
    provider: &'static str,
    began: Option<Instant>,
    span: Option<Span>,
    answer: Answer,
}

impl Call {
    /// A call that begins now.
    pub fn begin(provider: &'static str) -> Self {
        Self { provider, began: Some(Instant::now()), span: Span::call(provider), answer: Answer::Cancelled }
    }

    /// As [`Call::begin`] for one that waits for something to happen: how long it takes says nothing about the
    /// provider.
    pub fn waiting(provider: &'static str) -> Self {
        let mut call = Self::begin(provider);
        call.began = None;
        call
    }

    /// The header `traceparent` for the provider, if the call is made in a trace. Only for systems of the agency's own:
    /// others need not see which of our requests belong together.
    pub fn traceparent(&self) -> Option<String> {
        self.span.as_ref().map(|span| span.context().to_string())
    }

    /// The call has ended so.
    pub fn end(mut self, answer: Answer) {
        self.answer = answer;
    }

    /// The call has ended with this result.
    pub fn end_with<T, E>(self, result: &Result<T, E>, answer: impl FnOnce(&E) -> Answer) {
        self.end(result.as_ref().map_or_else(answer, |_| Answer::Ok));
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        PROVIDER_CALLS.add([self.provider, self.answer.name()], 1);
        if let Some(began) = self.began {
            PROVIDER_CALL.record([self.provider], began.elapsed().as_secs_f64());
        }
        if let Some(span) = &self.span {
            span.note("herald.outcome", self.answer.name());
            if self.answer != Answer::Ok {
                span.fail();
            }
        }
    }
}
