//! Jobs of campaigns and senders.

pub(crate) mod campaign_check;
pub mod campaign_dispatch;
pub(crate) mod campaign_test;
pub(crate) mod campaign_winner;
mod mail;
pub mod message_email;
pub(crate) mod message_reconcile;
pub mod message_whatsapp;
mod part;
mod relays;
pub(crate) mod sender_test;
mod whatsapp;
pub(crate) mod whatsapp_templates;
