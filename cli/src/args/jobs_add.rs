//! `herald jobs add`.

use std::path::PathBuf;

use clap::Args;
use uuid::Uuid;

/// One job, or the jobs of a file.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The kind of the job, such as template.preview
    #[arg(required_unless_present = "file")]
    pub(crate) kind: Option<String>,
    /// The arguments of the job, as JSON
    #[arg(long, value_name = "JSON", conflicts_with = "arg")]
    pub(crate) args: Option<String>,
    /// One argument of the job; a value that is not JSON is a text
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) arg: Vec<String>,
    /// When the job is due, such as 2026-03-01T09:00:00Z; at once by default
    #[arg(long, value_name = "TIME")]
    pub(crate) run_at: Option<String>,
    /// The priority, -100 to 100: jobs with a lower number run sooner
    #[arg(long, allow_negative_numbers = true)]
    pub(crate) priority: Option<i64>,
    /// A key: while a job with the key waits or runs, no other is enqueued
    #[arg(long, value_name = "KEY")]
    pub(crate) unique_key: Option<String>,
    /// When the job is dropped if it has not started
    #[arg(long, value_name = "TIME")]
    pub(crate) expires_at: Option<String>,
    /// The batch that the job joins
    #[arg(long, value_name = "ID")]
    pub(crate) batch: Option<Uuid>,
    /// A file with a job a line, as JSON like {"kind": "…", "args": {…}}; - is the standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["kind", "args", "arg", "run_at", "priority", "unique_key",
        "expires_at", "batch"])]
    pub(crate) file: Option<PathBuf>,
    /// The number of rows of the file to leave out, because an earlier command enqueued them
    #[arg(long, value_name = "ROWS", default_value_t = 0, requires = "file")]
    pub(crate) skip: usize,
}
