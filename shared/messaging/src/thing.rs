//! Things that the arguments of jobs can name.

use herald_ledger::Thing;

/// A sender.
pub const SENDER: Thing = Thing::new("sender", "senders");
