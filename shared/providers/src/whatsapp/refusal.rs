//! What it means that a message was refused.

use std::time::Duration;

use crate::{Class, ProviderError};

/// What a provider's code means for the message, and for those after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Nobody can be written to at this number.
    NoSuchAddress,
    /// This person cannot be reached now, for a reason of their own.
    Undeliverable,
    /// The person wants no more messages.
    OptedOut,
    /// The person wants no more advertising, but other messages.
    NoAdvertising,
    /// Free text came more than 24 hours after the person wrote.
    WindowClosed,
    /// The person gets no more advertising from anybody today. That is not their own will.
    NotToday,
    /// The person got a message a moment ago.
    TooSoon,
    /// What this one message says cannot be sent.
    Content,
    /// The template, as it is, cannot be sent to anybody.
    Template,
    /// The account or the sender cannot send: a person has to act.
    Account,
    /// The provider takes fewer messages.
    Slower(Duration),
    /// The provider failed, and did not take the message.
    Internal,
}

impl Meaning {
    /// The word for it in the ledger, if it is the end of a message.
    pub fn cause(self) -> &'static str {
        match self {
            Self::NoSuchAddress => "no_such_address",
            Self::Undeliverable => "undeliverable",
            Self::OptedOut => "opted_out",
            Self::NoAdvertising => "no_advertising",
            Self::WindowClosed => "window_closed",
            Self::NotToday => "not_today",
            Self::TooSoon => "too_soon",
            Self::Content => "content",
            Self::Template => "template",
            Self::Account => "account",
            Self::Slower(_) => "rate",
            Self::Internal => "provider",
        }
    }

    /// The class of an error with this meaning.
    pub fn class(self) -> Class {
        match self {
            Self::NoSuchAddress
            | Self::Undeliverable
            | Self::OptedOut
            | Self::NoAdvertising
            | Self::WindowClosed
            | Self::NotToday
            | Self::TooSoon
            | Self::Content => Class::Recipient,
            Self::Template | Self::Account => Class::Config,
            Self::Slower(_) => Class::Rate,
            Self::Internal => Class::Transient,
        }
    }
}

/// Why a message was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct SendError {
    /// The error, with a sentence for people.
    pub error: ProviderError,
    /// What the provider's code means; none if there was no answer of the provider's own.
    pub meaning: Option<Meaning>,
}

impl From<ProviderError> for SendError {
    fn from(error: ProviderError) -> Self {
        Self { error, meaning: None }
    }
}

impl SendError {
    /// The error that a code stands for.
    pub(crate) fn of((meaning, sentence): (Meaning, String)) -> Self {
        let wait = if let Meaning::Slower(wait) = meaning { Some(wait) } else { None };
        Self { error: ProviderError::new(meaning.class(), sentence).after(wait), meaning: Some(meaning) }
    }
}
