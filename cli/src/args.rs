//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use uuid::Uuid;

/// Herald makes personalised invitations from a list of guests, and keeps at it until every guest has one.
#[derive(Debug, Parser)]
#[command(name = "herald", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Where Herald keeps everything
    #[arg(long, global = true, value_name = "DIR", default_value = "herald-data")]
    pub(crate) data: PathBuf,
    /// Settings to read instead of herald.toml in the data folder
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Show what happens inside
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make an invitation for every guest of a list
    Invite(Invite),
    /// Serve the API and work, in one process
    Up(Up),
    /// Serve the API of a fleet (PostgreSQL and Redis)
    Api(Up),
    /// Do a fleet's work
    Worker(Worker),
    /// Decide when a fleet's work is done
    Scheduler(Scheduler),
    /// Show a fleet's workers, or ask them to take no more jobs
    Workers(Workers),
    /// Check the settings, the data folder, the fonts, and all that a fleet stands on
    Doctor,
    /// Bring the database up to this version
    Migrate(Migrate),
    /// Look at jobs, retry or cancel them
    #[command(subcommand)]
    Jobs(Jobs),
    /// Show queues and their limits, change them, hold a queue up
    #[command(subcommand)]
    Queues(Queues),
    /// Check a template, or see one guest on it
    #[command(subcommand)]
    Template(Template),
    /// Send jobs through Herald that only show that it works
    Probe(Probe),
}

#[derive(Debug, Args)]
pub(crate) struct Invite {
    /// The list of guests: CSV with a line that names the columns
    pub(crate) guests: PathBuf,
    /// The template's folder (template.toml and a background); without it the one that comes with Herald
    #[arg(long, value_name = "DIR")]
    pub(crate) template: Option<PathBuf>,
    /// The event; each event has its own lucky numbers
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) event: String,
    /// What the invitations are saved as
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
    /// Invitations drawn at once; without it one for each core
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) concurrency: Option<u16>,
    /// Only the first N guests of the list
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// Only guests whose invitation failed before
    #[arg(long)]
    pub(crate) only_failed: bool,
    /// Draw again also what is made already; numbers and links stay
    #[arg(long)]
    pub(crate) refresh: bool,
    /// Give no invitation to guests whose picture cannot be used, instead of a drawn avatar
    #[arg(long)]
    pub(crate) strict_pictures: bool,
    /// Digits of the lucky numbers, when the event is new
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(crate) digits: i64,
    /// Stands before the lucky numbers, when the event is new
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) prefix: String,
    /// Where the table of results goes; without it results.csv in the data folder
    #[arg(long, value_name = "FILE")]
    pub(crate) results: Option<PathBuf>,
    /// Report progress and the summary as JSON, a line each
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    Jpeg,
    Png,
    Webp,
}

impl Format {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::Webp => "webp",
        }
    }
}

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
pub(crate) struct Migrate {
    /// Make the key of the links in these settings the one that every process must have
    #[arg(long)]
    pub(crate) accept_link_key: bool,
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

#[derive(Debug, Subcommand)]
pub(crate) enum Jobs {
    /// List jobs, newest first
    List {
        /// Only of this kind, such as invitation.render
        #[arg(long)]
        kind: Option<String>,
        /// Only in this state: ready, running, succeeded, dead or cancelled
        #[arg(long)]
        state: Option<String>,
        /// How many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Show a job with its failed attempts
    Show {
        /// The job's id
        id: Uuid,
    },
    /// Try a dead or cancelled job again
    Retry {
        /// The job's id
        id: Uuid,
    },
    /// Cancel a job
    Cancel {
        /// The job's id
        id: Uuid,
    },
}

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
}

/// A limit or the word `none`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NumberOrNone(pub(crate) Option<i64>);

fn number_or_none(text: &str) -> Result<NumberOrNone, String> {
    if text == "none" {
        return Ok(NumberOrNone(None));
    }
    text.parse().map(|number| NumberOrNone(Some(number))).map_err(|_| "write a number, or none for no limit".to_owned())
}

#[derive(Debug, Subcommand)]
pub(crate) enum Template {
    /// Check a template's folder and say everything that is wrong with it
    Check {
        /// The template's folder
        folder: PathBuf,
        /// Also draw a sample guest into this file (.jpg, .png or .webp)
        #[arg(long, value_name = "FILE")]
        preview: Option<PathBuf>,
        /// The sample guest's name
        #[arg(long, default_value = "Alex Example")]
        name: String,
    },
}

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
