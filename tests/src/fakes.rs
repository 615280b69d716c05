//! The outside services Herald works with, in the test's own process: as much of each as Herald uses, their rules and
//! traps where breaking or missing one would show only in production, and every way in which they may fail.

pub mod crm;
pub mod demo;
pub mod faults;
pub mod google;
mod http;
pub mod mautic;
mod quota;
mod server;
pub mod smtp;

pub use crm::{CrmWebhook, FakeCrm};
pub use faults::{Fault, Faults};
pub use google::{FakeGoogle, GoogleCall};
pub use mautic::{FakeMautic, MauticCall};
pub use server::Place;
pub use smtp::{FakeSmtp, SmtpCall, SmtpFault, SmtpPlace, SmtpSecurity, TakenMail};
