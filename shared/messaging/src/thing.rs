//! Things that the arguments of jobs can name.

use herald_ledger::Thing;

/// A sender.
pub const SENDER: Thing = Thing::new("sender", "senders");

/// A campaign.
pub(crate) const CAMPAIGN: Thing = Thing::new("campaign", "campaigns");
