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
    /// Look at jobs, and at why they fail; retry, cancel or delete them
    #[command(subcommand)]
    Jobs(Jobs),
    /// Show who did what
    Audit(Audit),
    /// Show queues and their limits, change them, hold a queue up
    #[command(subcommand)]
    Queues(Queues),
    /// Make jobs that come again by the calendar, pause them, run them now
    #[command(subcommand)]
    Schedules(Schedules),
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
        #[command(flatten)]
        filter: JobsFilter,
        /// How many
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// As JSON, a line each
        #[arg(long)]
        json: bool,
    },
    /// Why jobs fail: failures grouped by their cause
    Failures {
        #[command(flatten)]
        filter: JobsFilter,
        /// How many causes
        #[arg(long, default_value_t = 20)]
        limit: usize,
        /// As JSON, a line each
        #[arg(long)]
        json: bool,
    },
    /// Show a job with its failed attempts
    Show {
        /// The job's id
        id: Uuid,
    },
    /// Try a dead or cancelled job again, or all that a filter finds
    Retry(Many),
    /// Cancel a job, or all that a filter finds
    Cancel(Many),
    /// Delete a job that has ended, or all such that a filter finds
    Delete(Many),
}

/// One job, or all that a filter finds.
#[derive(Debug, Args)]
pub(crate) struct Many {
    /// The job's id
    #[arg(conflicts_with_all = ["all", "dry_run", "kind", "state", "queue", "batch", "arg", "cause", "created_after", "created_before", "finished_after", "finished_before"])]
    pub(crate) id: Option<Uuid>,
    #[command(flatten)]
    pub(crate) filter: JobsFilter,
    /// Every job, when no filter is given
    #[arg(long)]
    pub(crate) all: bool,
    /// Only say how many it would be
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Default, Args)]
pub(crate) struct JobsFilter {
    /// Only of this kind, such as invitation.render; invitation.* means every kind that begins so
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// Only in this state: ready, running, succeeded, dead or cancelled
    #[arg(long)]
    pub(crate) state: Option<String>,
    /// Only of this queue
    #[arg(long)]
    pub(crate) queue: Option<String>,
    /// Only of this batch
    #[arg(long, value_name = "ID")]
    pub(crate) batch: Option<Uuid>,
    /// Only with this argument, such as run_id:0199…
    #[arg(long, value_name = "FIELD:VALUE")]
    pub(crate) arg: Option<String>,
    /// Only failed for this cause, as `jobs failures` names it
    #[arg(long, value_name = "FINGERPRINT")]
    pub(crate) cause: Option<String>,
    /// Only enqueued at or after this time, such as 2026-03-01T09:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) created_after: Option<String>,
    /// Only enqueued before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) created_before: Option<String>,
    /// Only ended at or after this time
    #[arg(long, value_name = "TIME")]
    pub(crate) finished_after: Option<String>,
    /// Only ended before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) finished_before: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// Only of this kind of act, such as queue.pause
    #[arg(long)]
    pub(crate) action: Option<String>,
    /// How many, newest first
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: usize,
    /// Read the whole log and say whether a row was changed or taken out
    #[arg(long)]
    pub(crate) verify: bool,
    /// As JSON, a line each
    #[arg(long)]
    pub(crate) json: bool,
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
pub(crate) enum Schedules {
    /// List schedules, newest first
    List {
        /// As JSON, a line each
        #[arg(long)]
        json: bool,
    },
    /// Make a schedule
    Add {
        /// What you call it
        name: String,
        /// When: minute, hour, day of the month, month, day of the week, such as "0 9 * * 1-5"; or @daily
        #[arg(long, value_name = "EXPRESSION")]
        cron: String,
        /// By whose clocks, such as Europe/Madrid
        #[arg(long, value_name = "ZONE")]
        zone: String,
        /// What its jobs do, such as invitation.summary
        #[arg(long)]
        kind: String,
        /// The jobs' arguments, as JSON
        #[arg(long, value_name = "JSON", default_value = "{}")]
        args: String,
        /// What becomes of missed ticks: skip, once or all
        #[arg(long, value_name = "POLICY", default_value = "once")]
        missed: String,
        /// Whether a tick fires while the job before is not finished: allow or skip
        #[arg(long, value_name = "POLICY", default_value = "allow")]
        overlap: String,
        /// Begin paused
        #[arg(long)]
        paused: bool,
    },
    /// Show a schedule
    Show {
        /// Its name or id
        schedule: String,
    },
    /// Hold a schedule up
    Pause {
        /// Its name or id
        schedule: String,
    },
    /// Let a schedule go on
    Resume {
        /// Its name or id
        schedule: String,
    },
    /// Make a schedule's job at once; its next tick stays
    Run {
        /// Its name or id
        schedule: String,
    },
    /// Remove a schedule; the jobs it made stay
    Remove {
        /// Its name or id
        schedule: String,
    },
    /// Show when a schedule fires next
    Next {
        /// Its name or id
        schedule: String,
        /// How many times
        #[arg(long, default_value_t = 5, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100))]
        count: usize,
    },
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
