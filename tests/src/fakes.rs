//! The outside services Herald works with, in the test's own process: as much of each as Herald uses, their rules and
//! traps where breaking or missing one would show only in production, and every way in which they may fail.

pub mod crm;
pub mod demo;
pub mod faults;
pub mod google;
mod http;
pub mod mautic;
pub mod meta;
mod quota;
mod server;
pub mod smtp;
pub mod twilio;

pub use crm::{CrmWebhook, FakeCrm};
pub use faults::{Fault, Faults};
pub use google::{FakeGoogle, GoogleCall};
pub use mautic::{FakeMautic, MauticCall};
pub use meta::{FakeMeta, MetaCall, MetaMessage};
pub use server::Place;
pub use smtp::{FakeSmtp, SmtpCall, SmtpFault, SmtpPlace, SmtpSecurity, TakenMail};
pub use twilio::{FakeTwilio, TwilioCall, TwilioMessage};

/// A request that a provider sends by itself, for the test to send.
#[derive(Clone, Debug)]
pub struct Report {
    /// The address that it goes to.
    pub address: String,
    /// Its headers.
    pub headers: Vec<(&'static str, String)>,
    /// Its body, byte by byte.
    pub body: bytes::Bytes,
}
