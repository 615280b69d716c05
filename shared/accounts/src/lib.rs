//! Connections: a workspace's accounts with outside systems.
//!
//! A secret is sealed before it reaches the database ([`herald_base::vault`]), and no call gives it out again. A
//! connection that a provider refuses is marked as broken, with the reason and the cure. When a person has repaired it,
//! its work starts again.

mod account;
mod check;
mod clients;
mod connection_test;
pub mod consent;
mod deliveries;
mod kinds;
mod purse;
mod store;
mod typed;

pub use self::connection_test::ConnectionTest;
pub use self::purse::meter_of_job;
pub use self::{
    account::Account,
    check::{check, note},
    clients::{Client, ClientError, ClientSettings, Clients},
    deliveries::{first_delivery, forget_deliveries},
    kinds::{BucketSettings, Credentials, ProviderKind, S3Secret, Settings},
    store::{
        Connection, ConnectionError, ConnectionState, NewConnection, Opened, find_connection, find_connection_named,
        list_connections, lock, mark_broken, mark_ok, open, remove, reseal, save, webhook_connection,
    },
    typed::{Typed, TypedError},
};
use herald_ledger::Thing;

/// A workspace's account at a provider, as a thing that a job's arguments can name.
pub const CONNECTION: Thing = Thing::new("connection", "connections");
