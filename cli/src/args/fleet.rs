//! What a service or a fleet is made of: its processes, its workers, its database.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Where to listen, instead of the setting http.listen
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Worker {
    /// Queues to take jobs of, and jobs at once in each, such as cpu=2,sync; without it the settings worker.*
    #[arg(long, value_name = "QUEUE[=JOBS],…")]
    pub(crate) queues: Option<String>,
    /// Jobs at once in each queue that --queues gives no number; without it the setting of that queue
    #[arg(long, value_name = "JOBS", requires = "queues", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) concurrency: Option<u16>,
    /// Start without taking jobs; SIGUSR1 lets it begin, and makes it quiet again
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Where /metrics, /healthz and /readyz are served
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) monitor: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Scheduler {
    /// Where /metrics, /healthz and /readyz are served
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) monitor: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Workers {
    /// Ask workers to finish what they have and take no more
    #[arg(long, conflicts_with = "resume")]
    pub(crate) quiet: bool,
    /// Let workers take jobs again
    #[arg(long)]
    pub(crate) resume: bool,
    /// Only the worker of this name; without it all of them
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// As JSON, a line each
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// Make the key of the links in these settings the one that every process must have
    #[arg(long)]
    pub(crate) accept_link_key: bool,
}
