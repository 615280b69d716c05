//! `herald queues`.

use clap::{Args, Subcommand};

use super::{NumberOrNone, number_or_none};

#[derive(Debug, Subcommand)]
pub(crate) enum Queues {
    /// Every queue: what waits, what runs, what it may do
    List {
        /// As JSON, a line each
        #[arg(long)]
        json: bool,
    },
    /// Change what a queue may do, for the whole fleet and at once; what is not named stays as it is
    Limit(Limit),
    /// How many jobs of one key (a host, an account) run at once
    Key {
        /// The queue
        queue: String,
        /// The key
        key: String,
        /// Jobs at once; none for what the queue says for all keys
        #[arg(value_name = "N|none", value_parser = number_or_none)]
        concurrency: NumberOrNone,
    },
    /// Start no more jobs of a queue
    Pause {
        /// The queue
        queue: String,
    },
    /// Start jobs of a queue again
    Resume {
        /// The queue
        queue: String,
    },
    /// Do not wait any longer for what a provider asked to wait for
    Unblock {
        /// The queue
        queue: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Limit {
    /// The queue
    pub(crate) queue: String,
    /// Jobs a second, minute, hour or day, such as 500/s or 30/m
    #[arg(long, value_name = "RATE|none")]
    pub(crate) rate: Option<String>,
    /// Jobs that may start at once after a pause
    #[arg(long, value_name = "N|none", value_parser = number_or_none)]
    pub(crate) burst: Option<NumberOrNone>,
    /// Jobs at once
    #[arg(long, value_name = "N|none", value_parser = number_or_none)]
    pub(crate) concurrency: Option<NumberOrNone>,
    /// Jobs at once for each key (a host, an account)
    #[arg(long, value_name = "N|none", value_parser = number_or_none)]
    pub(crate) key_concurrency: Option<NumberOrNone>,
    /// Jobs at once for each workspace
    #[arg(long, value_name = "N|none", value_parser = number_or_none)]
    pub(crate) workspace_concurrency: Option<NumberOrNone>,
}
