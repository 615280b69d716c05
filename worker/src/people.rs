//! People: the e-mails about their accounts, and the agency's CRM.

pub(crate) mod account_mail;
pub(crate) mod crm_event;
pub(crate) mod crm_sync;
