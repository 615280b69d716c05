//! Jobs of campaigns and senders.

pub mod campaign_dispatch;
mod mail;
pub mod message_email;
mod relays;
pub(crate) mod sender_test;
