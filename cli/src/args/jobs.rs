//! `herald jobs`.

use clap::{Args, Subcommand};
use uuid::Uuid;

use super::Add;

#[derive(Debug, Args)]
pub(crate) struct JobsOf {
    /// The jobs of the installation itself, such as e-mails about accounts
    #[arg(long, global = true)]
    pub(crate) installation: bool,
    #[command(subcommand)]
    pub(crate) act: Jobs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Jobs {
    /// Enqueue a job, or the jobs of a file
    Add(Add),
    /// List jobs, newest first
    List {
        #[command(flatten)]
        filter: JobsFilter,
        /// The largest number of jobs
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// Print JSON, one object on each line
        #[arg(long)]
        json: bool,
    },
    /// Show why jobs fail: the failures grouped by cause
    Failures {
        #[command(flatten)]
        filter: JobsFilter,
        /// The largest number of causes
        #[arg(long, default_value_t = 20)]
        limit: usize,
        /// Print JSON, one object on each line
        #[arg(long)]
        json: bool,
    },
    /// Show a job with its failed attempts
    Show {
        /// The job's id
        id: Uuid,
    },
    /// Retry a dead or cancelled job, or all jobs that a filter finds
    Retry(Many),
    /// Cancel a job, or all jobs that a filter finds
    Cancel(Many),
    /// Delete a job that has ended, or all ended jobs that a filter finds
    Delete(Many),
}

/// One job, or all jobs that a filter finds.
#[derive(Debug, Args)]
pub(crate) struct Many {
    /// The job's id
    #[arg(conflicts_with_all = ["all", "dry_run", "kind", "state", "queue", "batch", "arg", "cause", "created_after",
        "created_before", "finished_after", "finished_before"])]
    pub(crate) id: Option<Uuid>,
    #[command(flatten)]
    pub(crate) filter: JobsFilter,
    /// Act on every job, if there is no filter
    #[arg(long)]
    pub(crate) all: bool,
    /// Only count the jobs, without changing them
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Default, Args)]
pub(crate) struct JobsFilter {
    /// Only these jobs: ids with commas between them
    #[arg(long, value_name = "ID,ID")]
    pub(crate) ids: Option<String>,
    /// Only jobs of this kind, such as invitation.render; invitation.* means every kind that begins with invitation.
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// Only jobs in this state: ready, running, succeeded, dead or cancelled
    #[arg(long)]
    pub(crate) state: Option<String>,
    /// Only jobs of this queue
    #[arg(long)]
    pub(crate) queue: Option<String>,
    /// Only jobs of this batch
    #[arg(long, value_name = "ID")]
    pub(crate) batch: Option<Uuid>,
    /// Only jobs with this argument, such as run_id:0199…
    #[arg(long, value_name = "FIELD:VALUE")]
    pub(crate) arg: Option<String>,
    /// Only jobs that failed for this cause, as `jobs failures` prints it
    #[arg(long, value_name = "FINGERPRINT")]
    pub(crate) cause: Option<String>,
    /// Only jobs enqueued at or after this time, such as 2026-03-01T09:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) created_after: Option<String>,
    /// Only jobs enqueued before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) created_before: Option<String>,
    /// Only jobs that ended at or after this time
    #[arg(long, value_name = "TIME")]
    pub(crate) finished_after: Option<String>,
    /// Only jobs that ended before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) finished_before: Option<String>,
}
