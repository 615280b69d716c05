//! Addresses that strangers entered, and calls to them.
//!
//! Strangers write a guest list and a workspace's connections. Their addresses may point to the machine that runs
//! Herald, to the network around it or to a cloud's metadata service. [`Guard`] says which addresses may be called;
//! [`GuardedHttp`] calls them. It looks up a name once and checks **every** address of the answer. The connection goes
//! to exactly that answer, so that a second, different answer never gets a chance (DNS rebinding). No redirect is
//! followed here: a caller that follows one asks the guard again. The requests carry nothing of Herald's own: no proxy
//! and no credentials from the environment, no cookies, no referrer.
//!
//! Addresses from the settings (Google, the mail server, the CRM, the file store) belong to the operator and do not
//! pass through this module. A test (`tests/tests/it/outside/clients.rs`) finds every other place that opens a
//! connection.

mod address;
mod client;
mod dns;
mod guard;
mod settings;

pub(crate) use self::dns::places;
pub use self::settings::OutsideSettings;
pub use self::{
    address::is_public,
    client::{CallError, GuardedHttp},
    dns::{LookUpError, PrivateAnswer, SystemDns, is_private_answer},
    guard::{Guard, Ports, Refused},
};
