//! Plays the kill-table on a binary of `herald` and prints it.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use herald_tests::kill_table::{Options, line, markdown, run, scenarios, write};

/// Kills, stops and cuts off a fleet of `herald` in every way of the table, and counts what becomes of its jobs.
#[derive(Parser)]
#[command(name = "kill-table", max_term_width = 100)]
struct Arguments {
    /// The binary under test
    #[arg(long, value_name = "PATH")]
    herald: PathBuf,
    /// Jobs over all scenarios
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    jobs: usize,
    /// Guests of each scenario with accounts outside; those with lists have 20 or 40 rows for each, those with mails 4,
    /// campaigns 20
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    guests: usize,
    /// What the random moments are drawn from
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Only the scenarios with this in their name
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Faults of seconds, not of tens of seconds, and a lease of two seconds
    #[arg(long)]
    short: bool,
    /// Where the table and the logs of scenarios that failed go
    #[arg(long, value_name = "DIR", default_value = "kill-table")]
    out: PathBuf,
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the command's answer")]
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut options = Options {
        herald: std::path::absolute(&arguments.herald).unwrap_or(arguments.herald),
        jobs: arguments.jobs,
        guests: arguments.guests,
        seed: arguments.seed,
        only: arguments.only,
        short: arguments.short,
        logs: arguments.out.join("logs"),
    };
    options.jobs = arguments.jobs.div_ceil(scenarios(&options).max(1));
    let table = run(&options, |row| eprintln!("{}", line(row)));
    let written = table.and_then(|rows| write(&rows, options.seed, &arguments.out).map(|()| rows));
    match written {
        Ok(rows) => {
            println!("{}", markdown(&rows));
            if rows.iter().all(|row| row.holds()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
