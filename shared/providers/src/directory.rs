//! An agency's CRM. It checks people's passwords, lists its people, and reports changes by signed webhooks.
//!
//! Herald supports any CRM product, so the differences between products are settings (`[crm]`): how a password is
//! checked ([`Login`]), how a webhook is signed ([`Signature`]), and the addresses of the API. The CRM's answers are
//! parsed leniently ([`CrmUser`]).

mod client;
mod event;
mod login;
mod signature;
mod user;

pub use self::{
    client::{Crm, Page},
    event::{Change, Event},
    login::Login,
    signature::{Checked, Encoding, Hash, Refused, Scheme, Signature},
    user::CrmUser,
};
