//! Addresses that somebody else entered, and what is called under them.
//!
//! A guest list and a workspace's connections are written by strangers, so what they point to may be the machine Herald
//! runs on, the network around it or a cloud's metadata service. [`Guard`] says what may be called at all;
//! [`GuardedHttp`] calls it: a name is looked up once, **every** address of the answer is checked, and the connection
//! goes to exactly that answer, so that a second, different answer never gets a chance (DNS rebinding). No redirect is
//! followed here: who follows one asks the guard again. Nothing of Herald's own goes along: no proxy and no credentials
//! of the environment, no cookies, no referrer.
//!
//! Addresses from the settings (Google, the mail server, the CRM, the file store) are the operator's and do not come
//! here. A test (`tests/tests/it/outside/clients.rs`) finds every other place that opens a connection.

mod address;
mod client;
mod dns;
mod guard;
mod settings;

pub use self::settings::OutsideSettings;
pub use self::{
    address::is_public,
    client::{CallError, GuardedHttp},
    dns::{PrivateAnswer, SystemDns, is_private_answer},
    guard::{Guard, Ports, Refused},
};
