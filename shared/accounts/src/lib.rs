//! Connections: a workspace's accounts with outside systems.
//!
//! What is secret is sealed before it reaches the database ([`herald_base::vault`]) and is never given out again. A connection that a provider
//! refuses is marked as broken, with the reason and what to do, and whatever was put right starts its work again.

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
        Connection, ConnectionError, ConnectionState, NewConnection, Opened, connection_named, find_connection,
        list_connections, lock, mark_broken, mark_ok, open, remove, reseal, save, webhook_connection,
    },
    typed::{Typed, TypedError},
};
use herald_ledger::Thing;

/// An account outside, as what a job names.
pub const CONNECTION: Thing = Thing::new("connection", "connections");
