//! `herald queues`.

use clap::{Args, Subcommand};

use super::{NumberOrNone, number_or_none};

#[derive(Debug, Subcommand)]
pub(crate) enum Queues {
    /// Show every queue with its waiting and running jobs and its limits
    List {
        /// Print JSON, one object on each line
        #[arg(long)]
        json: bool,
    },
    /// Change the limits of a queue in the whole fleet, at once; limits that you leave out stay the same
    Limit(Limit),
    /// Set how many jobs of one key (a host, an account) run at once
    Key {
        /// The queue
        queue: String,
        /// The key
        key: String,
        /// The number of jobs at once; none means the queue's limit for all keys
        #[arg(value_name = "N|none", value_parser = number_or_none)]
        concurrency: NumberOrNone,
    },
    /// Pause a queue: start no more of its jobs
    Pause {
        /// The queue
        queue: String,
    },
    /// Resume a queue: start its jobs again
    Resume {
        /// The queue
        queue: String,
    },
    /// End the waiting time that a provider asked for
    Unblock {
        /// The queue
        queue: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Limit {
    /// The queue
    pub(crate) queue: String,
    /// The number of jobs in a second, minute, hour or day, such as 500/s or 30/m
    #[arg(long, value_name = "RATE|none")]
    pub(crate) rate: Option<String>,
    /// The number of jobs that may start at once after a pause
    #[arg(long, value_name = "N|none", value_parser = number_or_none)]
    pub(crate) burst: Option<NumberOrNone>,
    /// The number of jobs at once
    #[arg(long, value_name = "N|none", value_parser = number_or_none)]
    pub(crate) concurrency: Option<NumberOrNone>,
    /// The number of jobs at once for each key (a host, an account)
    #[arg(long, value_name = "N|none", value_parser = number_or_none)]
    pub(crate) key_concurrency: Option<NumberOrNone>,
    /// The number of jobs at once for each workspace
    #[arg(long, value_name = "N|none", value_parser = number_or_none)]
    pub(crate) workspace_concurrency: Option<NumberOrNone>,
}
