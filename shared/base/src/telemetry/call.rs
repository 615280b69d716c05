//! Calls to external systems: each call is counted, timed, and a span of the current trace.
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

/// The kind of a provider's answer. The provider's module decides it, in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The provider did what was requested, or said definitely that the object does not exist.
    Ok,
    /// We send requests too often.
    Rate,
    /// A retry can help.
    Transient,
    /// The provider no longer knows us, or no longer lets us in.
    Auth,
    /// The requested object is not available: an address, a recipient or a file is wrong.
    Refused,
    /// A person has to correct something: a setting, a permission.
    Config,
    /// The provider has no space left.
    Full,
    /// The outcome of the request is unknown.
    Unknown,
    /// The caller did not wait for the answer.
    Cancelled,
}

impl Answer {
    /// Every answer, in the order of the label `outcome`.
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

    /// The value of the label.
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

/// A call in progress. If it is dropped without an answer, it counts as cancelled.
pub struct Call {
    provider: &'static str,
    began: Option<Instant>,
    span: Option<Span>,
    answer: Answer,
}

impl Call {
    /// Begins a call.
    pub fn begin(provider: &'static str) -> Self {
        Self { provider, began: Some(Instant::now()), span: Span::call(provider), answer: Answer::Cancelled }
    }

    /// Like [`Call::begin`], for a call that waits for an event: its duration says nothing about the provider.
    pub fn waiting(provider: &'static str) -> Self {
        let mut call = Self::begin(provider);
        call.began = None;
        call
    }

    /// Returns the header `traceparent` for the provider, if the call belongs to a trace. Use it only for systems of
    /// the agency: other systems need not see which of our requests belong together.
    pub fn traceparent(&self) -> Option<String> {
        self.span.as_ref().map(|span| span.context().to_string())
    }

    /// Ends the call with this answer.
    pub fn end(mut self, answer: Answer) {
        self.answer = answer;
    }

    /// Ends the call with this result.
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
