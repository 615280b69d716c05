//! The only binary: `herald invite` makes invitations from a list, `herald up` serves the API.

mod accounts;
mod args;
mod audit;
mod bounce;
mod campaign;
mod connect;
mod connections;
mod doctor;
mod engine;
mod fleet;
mod home;
mod invite;
mod jobs;
mod keys;
mod migrate;
mod probe;
mod queues;
mod report;
mod schedules;
mod stop;
mod template;
mod up;
mod users;
mod workers;

use std::{process::ExitCode, time::Duration};

use clap::Parser;
use herald_base::{private, telemetry};

use crate::{
    args::{Arguments, Command},
    up::Filled,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long the end of a command waits for its last spans to be exported.
const LAST_SPANS: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    private::keep_private();
    herald_app::jobs::install();
    // Children come before anything is opened, on one thread.
    match &arguments.command {
        Command::Studio => return herald_worker::studio::serve(),
        Command::Workbook { sheet } => return herald_worker::workbooks::serve(sheet.as_deref()),
        _ => {}
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::Error::from(error).context("starting the runtime")),
    };
    let done = runtime.block_on(async {
        let done = run(arguments).await;
        telemetry::flush(LAST_SPANS).await;
        done
    });
    // Abandoned blocking work must not delay the end of the process.
    runtime.shutdown_background();
    match done {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let common = arguments.common;
    match arguments.command {
        Command::Invite(options) => invite::run(&common, options).await,
        Command::Up(options) => up::run(&common, options, Filled::No).await,
        Command::Demo(options) => up::run(&common.for_demo(), options, Filled::WithExample).await,
        Command::Api(options) => fleet::api(&common, options).await,
        Command::Worker(options) => fleet::worker(&common, options).await,
        Command::Scheduler(options) => fleet::scheduler(&common, options).await,
        Command::Workers(options) => workers::run(&common, options).await,
        Command::Doctor(options) => doctor::run(&common, &options).await,
        Command::Connect(command) => connect::run(&common, command).await,
        Command::Connections(command) => connections::run(&common, command).await,
        Command::Migrate(options) => migrate::run(&common, options).await,
        Command::Jobs(command) => jobs::run(&common, command).await,
        Command::Users(command) => users::run(&common, command).await,
        Command::Keys(command) => keys::run(&common, command).await,
        Command::Audit(options) => audit::run(&common, options).await,
        Command::Report(options) => report::run(&common, options).await,
        Command::Bounce(options) => bounce::run(&common, options).await,
        Command::Campaign(command) => campaign::run(&common, command).await,
        Command::Queues(command) => queues::run(&common, command).await,
        Command::Schedules(command) => schedules::run(&common, command).await,
        Command::Template(command) => template::run(&common, command).await,
        Command::Probe(options) => probe::run(&common, options).await,
        Command::Studio | Command::Workbook { .. } => {
            anyhow::bail!("Herald starts such processes itself: do not run this command")
        }
    }
}

/// Invalid input and a broken environment exit with 2, so that scripts can distinguish them from guests without an
/// invitation (1).
#[expect(clippy::print_stderr, reason = "the answer to the person who typed the command")]
fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {}", one_line(error));
    ExitCode::from(2)
}

/// Joins an error and its causes. A cause that the previous message already contains is not repeated.
fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if line.is_empty() {
            line = cause;
        } else if !line.contains(&cause) {
            line = format!("{line}: {cause}");
        }
    }
    line
}
