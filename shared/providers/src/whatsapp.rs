//! What the providers of WhatsApp have in common: a message, a template, and what it means that one was refused.
//!
//! Neither provider has a key against sending twice. So a call whose end nobody heard is of class
//! [`Class::Unknown`](crate::Class::Unknown), and nobody repeats it without knowing more.

mod message;
mod refusal;
mod settings;
mod template;

pub use self::{
    message::{Accepted, Content, Inbound, Outgoing, Report, ReportState, TemplateUse, Told},
    refusal::{Meaning, SendError},
    settings::{WhatsappPlaces, WhatsappSettings},
    template::{ApprovalState, ProviderTemplate, TemplateButton, TemplateVariable, header_kind, placeholders},
};

use std::{fmt, time::Duration};

use herald_base::boxed;

use crate::{meta::Meta, twilio::Twilio};

/// The wait after which somebody who gets no more advertising today may be written to again.
pub const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// An account that sends messages over WhatsApp. Cheap to clone.
#[derive(Clone)]
pub enum Whatsapp {
    /// At Twilio.
    Twilio(Twilio),
    /// At Meta.
    Meta(Meta),
}

impl fmt::Debug for Whatsapp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Twilio(twilio) => twilio.fmt(f),
            Self::Meta(meta) => meta.fmt(f),
        }
    }
}

impl Whatsapp {
    /// Hands a message over.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn send(&self, message: &Outgoing<'_>) -> Result<Accepted, SendError> {
        match self {
            Self::Twilio(twilio) => twilio.send(message).await,
            Self::Meta(meta) => meta.send(message).await,
        }
    }

    /// Whether the account can be used.
    #[boxed]
    pub async fn check(&self) -> Vec<crate::Finding> {
        match self {
            Self::Twilio(twilio) => twilio.check().await,
            Self::Meta(meta) => meta.check().await,
        }
    }

    /// The templates of the account, with the state of their approval.
    ///
    /// # Errors
    /// [`ProviderError`](crate::ProviderError).
    #[boxed]
    pub async fn templates(&self) -> crate::Result<Vec<ProviderTemplate>> {
        match self {
            Self::Twilio(twilio) => twilio.templates().await,
            Self::Meta(meta) => meta.templates().await,
        }
    }
}
