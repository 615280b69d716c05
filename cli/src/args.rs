//! What can be typed: the commands here, what each of them takes in a file of its own.

mod audit;
mod connections;
mod fleet;
mod invite;
mod jobs;
mod probe;
mod queues;
mod schedules;
mod template;
mod users;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use self::{
    audit::Audit,
    connections::{Connect, Connections, Google, Mautic, S3},
    fleet::{Migrate, Scheduler, Up, Worker, Workers},
    invite::Invite,
    jobs::{Jobs, JobsFilter, JobsOf, Many},
    probe::Probe,
    queues::{Limit, Queues},
    schedules::Schedules,
    template::Template,
    users::{AddUser, Keys, MakeKey, Users},
};

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

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Send a mail there, too, which says only that it could be sent
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) mail_to: Option<String>,
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
    Doctor(Doctor),
    /// Make a connection to Google, Mautic or a bucket, and try it
    #[command(subcommand)]
    Connect(Connect),
    /// Show connections, test or forget one
    #[command(subcommand)]
    Connections(Connections),
    /// Bring the database up to this version
    Migrate(Migrate),
    /// Look at jobs, and at why they fail; retry, cancel or delete them
    Jobs(JobsOf),
    /// Show who may come in, add somebody, keep somebody out
    #[command(subcommand)]
    Users(Users),
    /// Show the keys of programs, make one, take one back
    #[command(subcommand)]
    Keys(Keys),
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
    /// Read pictures, fonts and templates for the process that started this one
    #[command(hide = true)]
    Studio,
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
