//! The parts of a service or a fleet: its processes, its workers, its database.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// The address to listen on, instead of the setting http.listen
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Worker {
    /// The queues to take jobs from, with the number of jobs at once, such as cpu=2,sync; by default the settings
    /// worker.*
    #[arg(long, value_name = "QUEUE[=JOBS],…")]
    pub(crate) queues: Option<String>,
    /// The number of jobs at once in each queue that has no number in --queues; by default the setting of the queue
    #[arg(long, value_name = "JOBS", requires = "queues", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) concurrency: Option<u16>,
    /// Start without taking jobs; SIGUSR1 makes the worker take jobs, and makes it quiet again
    #[arg(long)]
    pub(crate) quiet: bool,
    /// The address that serves /metrics, /healthz and /readyz
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) monitor: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Scheduler {
    /// The address that serves /metrics, /healthz and /readyz
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) monitor: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Workers {
    /// Tell workers to finish their jobs and take no more
    #[arg(long, conflicts_with = "resume")]
    pub(crate) quiet: bool,
    /// Tell workers to take jobs again
    #[arg(long)]
    pub(crate) resume: bool,
    /// Only the worker of this name; by default all workers
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Print JSON, one object on each line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// Accept the link key in these settings as the one that every process must use
    #[arg(long)]
    pub(crate) accept_link_key: bool,
}
