//! Fuzzes what reads bytes of strangers.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use herald_tests::fuzz::{Options, Target, child, run};

/// Tries out hostile expressions, fonts, pictures, lists and zips, within bounds of time and memory. The exit code is 0
/// only if none breaks one.
#[derive(Parser)]
#[command(name = "fuzz", max_term_width = 100)]
struct Arguments {
    /// Only this target: expressions, fonts, pictures, lists or zips
    #[arg(long, value_name = "TARGET", value_parser = target)]
    only: Option<Target>,
    /// How long each target is fuzzed
    #[arg(long, value_name = "N", default_value_t = 600)]
    seconds: u64,
    /// Six seconds a target and always the same inputs
    #[arg(long)]
    short: bool,
    /// What the mutations are drawn from
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Where inputs go that break something
    #[arg(long, value_name = "DIR", default_value = "fuzz-found")]
    out: PathBuf,
    /// Try out one file instead
    #[arg(long, value_name = "FILE", requires = "only")]
    input: Option<PathBuf>,
    #[arg(long, hide = true, value_parser = target)]
    child: Option<Target>,
}

fn target(name: &str) -> Result<Target, String> {
    Target::named(name).ok_or_else(|| format!("there is no target {name:?}"))
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the command's answer")]
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let each = Duration::from_secs(if arguments.short { 6 } else { arguments.seconds });
    let done = match (arguments.child, arguments.only.zip(arguments.input)) {
        (Some(target), _) => child(target, each, arguments.seed, &arguments.out).map(|()| true),
        (None, Some((target, input))) => std::fs::read(input).map_err(Into::into).map(|input| {
            target.try_out(&input);
            true
        }),
        (None, None) => {
            let out = std::path::absolute(&arguments.out).unwrap_or(arguments.out);
            let options = Options { only: arguments.only, each, seed: arguments.seed, out };
            let found = run(&options, |found| {
                println!("{:<12} {:>9} inputs  {} broken", found.target.name(), found.inputs, found.broken.len());
                found.broken.iter().for_each(|(input, reason)| println!("  {}: {reason}", input.display()));
            });
            found.map(|found| found.iter().all(|found| found.broken.is_empty()))
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
