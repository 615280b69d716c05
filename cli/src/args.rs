//! The command line: the commands are here, and the arguments of each command are in a file of its own.

mod audit;
mod bounce;
mod campaign;
mod connections;
mod fleet;
mod invite;
mod jobs;
mod jobs_add;
mod probe;
mod queues;
mod report;
mod schedules;
mod template;
mod users;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use self::{
    audit::Audit,
    bounce::Bounce,
    campaign::{Campaign, CampaignOf, SendCampaign},
    connections::{Connect, Connections, Google, Mautic, Meta, S3, Smtp, Twilio},
    fleet::{Migrate, Scheduler, Up, Worker, Workers},
    invite::Invite,
    jobs::{Jobs, JobsFilter, JobsOf, Many},
    jobs_add::Add,
    probe::Probe,
    queues::{Limit, Queues},
    report::{DailyLeads, Report},
    schedules::Schedules,
    template::Template,
    users::{AddUser, Keys, MakeKey, Users},
};

/// Herald makes personalised invitations from a list of guests, and retries until every guest has one.
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
    /// The data folder, where Herald keeps everything
    #[arg(long, global = true, value_name = "DIR", default_value = DATA)]
    pub(crate) data: PathBuf,
    /// Settings to read instead of herald.toml in the data folder
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Show detailed log messages
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
}

/// The data folder, unless one is named.
pub(crate) const DATA: &str = "herald-data";

impl Common {
    /// The same, with a data folder of its own unless one is named: example data does not get among a person's own.
    pub(crate) fn for_demo(mut self) -> Self {
        if self.data.as_os_str() == DATA {
            self.data = "herald-demo".into();
        }
        self
    }
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Also send a test e-mail to this address
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) mail_to: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make an invitation for every guest of a list
    Invite(Invite),
    /// Serve the API and work, in one process
    Up(Up),
    /// Like up, with example data: people, templates, and runs at work (in herald-demo, unless --data names a folder)
    Demo(Up),
    /// Serve the API of a fleet (PostgreSQL and Redis)
    Api(Up),
    /// Run the jobs of a fleet
    Worker(Worker),
    /// Schedule the jobs of a fleet
    Scheduler(Scheduler),
    /// Show the workers of a fleet, or ask them to take no more jobs
    Workers(Workers),
    /// Check the settings, the data folder, the fonts, and everything that a fleet needs
    Doctor(Doctor),
    /// Create a connection to Google, Mautic or a bucket, and test it
    #[command(subcommand)]
    Connect(Connect),
    /// Show, test or delete connections
    #[command(subcommand)]
    Connections(Connections),
    /// Bring the database up to this version
    Migrate(Migrate),
    /// Show jobs and the causes of their failures; retry, cancel or delete jobs
    Jobs(JobsOf),
    /// Show, add, deactivate or activate users
    #[command(subcommand)]
    Users(Users),
    /// Show, create or revoke the API keys of programs
    #[command(subcommand)]
    Keys(Keys),
    /// Show the audit log
    Audit(Audit),
    /// Read a mail that a mail server passes on, such as a bounce, from the standard input
    Bounce(Bounce),
    /// Show, submit, approve, send, pause, resume or cancel campaigns
    Campaign(CampaignOf),
    /// Show queues and change their limits; pause and resume queues
    #[command(subcommand)]
    Queues(Queues),
    /// Create, change, pause, run or delete schedules
    #[command(subcommand)]
    Schedules(Schedules),
    /// Write the report of a day into a file
    #[command(subcommand)]
    Report(Report),
    /// Check a template, or draw a sample guest on it
    #[command(subcommand)]
    Template(Template),
    /// Send test jobs through Herald to show that it works
    Probe(Probe),
    /// Read pictures, fonts and templates for the process that started this one
    #[command(hide = true)]
    Studio,
    /// Read a sheet of a workbook for the process that started this one
    #[command(hide = true)]
    Workbook {
        /// The name of the sheet
        sheet: Option<String>,
    },
}

/// A limit, or the text `none`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NumberOrNone(pub(crate) Option<i64>);

fn number_or_none(text: &str) -> Result<NumberOrNone, String> {
    if text == "none" {
        return Ok(NumberOrNone(None));
    }
    text.parse()
        .map(|number| NumberOrNone(Some(number)))
        .map_err(|_| "not a number: write a number, or none for no limit".to_owned())
}
