//! Outside systems: how they are called, and what an error of theirs means.
//!
//! A provider is a struct that speaks one system's language and nothing else: it reads status codes, decides once what
//! an error means ([`Class`]), and says in one sentence what a person can do. Who calls it decides by the class alone.
//! Every call has time-outs, a cap on the answer, a metric and a span ([`http`]), and is paid for from its queue's rate
//! ([`meter`]).

pub mod directory;
pub mod email;
pub mod error;
pub mod files;
mod finding;
pub mod google;
pub mod http;
pub mod mautic;
pub mod meter;
pub mod outside;
pub mod secret;
mod settings;

pub use self::{
    error::{Class, ProviderError},
    finding::Finding,
    http::{Http, HttpSettings},
    meter::{Meter, Purse},
    settings::{ProvidersSettings, roots},
};

/// Result of a provider's call.
pub type Result<T> = std::result::Result<T, ProviderError>;
