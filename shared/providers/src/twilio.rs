//! Twilio: sends messages over WhatsApp, and reports by webhook what became of them.
//!
//! The client uses the Messages and the Content API (<https://www.twilio.com/docs>). Twilio has no key against sending
//! twice: our id for a message stands in the address that Twilio reports to, and a message whose end nobody heard is
//! looked for in Twilio's list before anything else is done.

mod account;
mod client;
mod codes;
mod content;
mod find;
pub mod webhook;

pub use self::{
    account::{TwilioPlaces, TwilioSecret, TwilioSettings},
    client::Twilio,
    codes::meaning,
    find::Found,
};
