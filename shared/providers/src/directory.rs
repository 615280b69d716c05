//! An agency's CRM: it checks its people's passwords, lists them, and tells of changes by signed webhooks.
//!
//! Which product it is, nobody knows beforehand. So what differs from one to the next is a setting (`[crm]`): how a
//! password is checked ([`Login`]), how a webhook is signed ([`Signature`]), where things are; and what it answers is
//! read generously ([`CrmUser`]).

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
