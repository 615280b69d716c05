//! The kinds of job about people.

mod account_mail;
mod crm_event;
mod crm_sync;

pub use account_mail::AccountMail;
pub use crm_event::CrmEvent;
pub use crm_sync::CrmSync;
