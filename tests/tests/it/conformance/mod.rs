//! One suite for both engines: what the facade promises, and every query of the ledger and the domain.

mod bulk;
mod connections;
mod contacts;
mod effects;
mod errors;
mod events;
mod fleet;
mod holders;
mod idempotency;
mod inspect;
mod invitations;
mod limits;
mod link_key;
mod lookups;
mod plans;
mod probes;
mod queues;
mod runs;
mod schedules;
mod small_tables;
mod transactions;
mod values;
