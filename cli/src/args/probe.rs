//! `herald probe`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Probe {
    /// The number of jobs
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..=10_000_000))]
    pub(crate) jobs: i64,
    /// The name of the probe; if a probe of that name exists, the command shows it and sends nothing
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The number of attempts of each job, including crashes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=100))]
    pub(crate) tries: Option<i64>,
    /// Send the jobs and do not wait for them
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// How long to wait for the last job, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) patience: u64,
}
