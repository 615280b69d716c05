//! Runs Herald's readers over cases that nobody in the project wrote.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use herald_tests::corpora;

/// Runs every check that takes a folder of cases, and prints what was expected and got. The exit code is 0 only if all
/// is as expected or known, and 2 if there is no folder of cases at that place.
#[derive(Parser)]
#[command(name = "corpora", max_term_width = 100)]
struct Arguments {
    /// The folder, with a sub-folder for each kind of case
    folder: PathBuf,
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the command's answer")]
fn main() -> ExitCode {
    match corpora::run(&Arguments::parse().folder) {
        Ok(table) => {
            print!("{table}");
            println!("{}", table.summary());
            if table.is_as_expected() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
