//! The kinds of job of this domain.

mod notification_mail;

pub use notification_mail::NotificationMail;
