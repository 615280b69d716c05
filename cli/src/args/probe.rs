//! `herald probe`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Probe {
    /// How many
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..=10_000_000))]
    pub(crate) jobs: i64,
    /// The probe's name; one that was used already is found, not sent again
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Tries of each job, crashes included
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=100))]
    pub(crate) tries: Option<i64>,
    /// Only send them
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// How long to wait for the last one, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) patience: u64,
}
