//! Jobs about notifications.

pub mod notification_mail;
