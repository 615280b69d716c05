//! Jobs of campaigns and senders.

pub(crate) mod campaign_check;
pub mod campaign_dispatch;
pub(crate) mod campaign_test;
pub(crate) mod campaign_winner;
mod mail;
pub mod message_email;
pub(crate) mod sender_test;
