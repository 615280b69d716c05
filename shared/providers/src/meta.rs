//! Meta: sends messages over WhatsApp by its Cloud API, and reports by webhook what became of them.
//!
//! The client uses the Graph API (<https://developers.facebook.com/docs/whatsapp/cloud-api>). A success means that Meta
//! took the message, not that it arrived. Meta has no key against sending twice, and no list of what was sent: our id
//! goes with each message, and the reports name it.

mod account;
mod client;
mod codes;
mod template;
pub mod webhook;

pub use self::{
    account::{MetaSecret, MetaSettings},
    client::Meta,
    codes::meaning,
    template::template as read_template,
};
