//! Notifications: what members are told in a workspace. Each thing is told a person once, on the page of notifications
//! and, if they want, by mail.

mod effect;
pub mod jobs;
mod mail;
mod store;
mod wish;

pub use effect::{MailEnded, Notify};
pub use mail::{MailState, NotificationLetter, find_letter, move_mail};
pub use store::{
    ByMail, NewNotification, Notification, NotifyError, forget_about, forget_old, list_notifications, mark_all_read,
    mark_read, notifications_about, notify, unread_counts,
};
pub use wish::{MailWish, mail_wish, set_mail_wish};
