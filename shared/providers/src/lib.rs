//! External systems: how they are called, and what their errors mean.
//!
//! A provider is a struct that speaks the protocol of one system and does nothing else. It reads status codes, decides
//! in one place what an error means ([`Class`]), and describes the cure in one sentence. Its caller decides by the
//! class alone. Every call has time-outs, a limit on the answer, a metric and a span ([`http`]), and is paid for from
//! its queue's rate ([`meter`]).

pub mod directory;
pub mod email;
pub mod error;
pub mod files;
mod finding;
pub mod google;
pub mod http;
pub mod mail_events;
pub mod mautic;
pub mod meta;
pub mod meter;
pub mod outside;
pub mod secret;
mod settings;
pub mod twilio;
pub mod whatsapp;

pub use self::{
    error::{Class, ProviderError, Refusal},
    finding::Finding,
    http::{Http, HttpSettings},
    meter::{Meter, Purse},
    settings::{ProvidersSettings, roots},
};

/// The result of a call to a provider.
pub type Result<T> = std::result::Result<T, ProviderError>;
