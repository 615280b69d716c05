//! Measures Herald against what it replaces. `bench/run` is the way to start it; see bench/README.md.

#![allow(clippy::print_stdout)] // Printing tables is what this program is for.

mod backlog;
mod cpu;
mod decoders;
mod drawing;
mod endtoend;
mod faces;
mod fleet;
mod invite;
mod ledger;
mod limits;
mod memory;
mod queue;
mod render;
mod sink;
mod table;
mod uploads;

use std::path::PathBuf;

use clap::Parser;

/// The program's own, so that what is measured here in-process is what it does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures Herald; `bench/run` prepares what these need and compares with the peers.
#[derive(Parser)]
enum Command {
    /// Renders invitations of the scene that scene/draw.py made
    Render {
        /// The scene
        scene: PathBuf,
        /// What starts baseline/invite.py: Python and the script
        #[arg(long, num_args = 2)]
        script: Vec<PathBuf>,
        /// Folder for render.json and render.md
        #[arg(long)]
        results: PathBuf,
        /// Folder for one invitation of each case
        #[arg(long)]
        samples: PathBuf,
        /// Invitations per case that the script makes; Herald makes twenty beside each
        #[arg(long, default_value_t = 15)]
        rounds: usize,
    },
    /// Writes invitations for decoders/check.py
    Decoders {
        /// The scene
        scene: PathBuf,
        /// Folder for the files
        out: PathBuf,
    },
    /// Finds faces on the set that faces/make.py made
    Faces {
        /// The set: pictures and truth.json
        set: PathBuf,
        /// What faces/opencv.py found
        #[arg(long)]
        opencv: PathBuf,
        /// Folder for faces.json and faces.md
        #[arg(long)]
        results: PathBuf,
    },
    /// Draws the same guests in this process and in children, in turn
    Drawing {
        #[command(flatten)]
        options: drawing::Options,
        /// Rounds of each
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// Folder for drawing.json and drawing.md
        #[arg(long)]
        results: PathBuf,
    },
    /// One round of `drawing`
    #[command(hide = true)]
    DrawingRound {
        hands: drawing::Hands,
        format: String,
        #[command(flatten)]
        options: drawing::Options,
    },
    /// A child of `drawing`
    #[command(hide = true)]
    Studio,
    /// Runs no-op jobs through the ledger, the dispatcher, the wire and the runner
    Ledger {
        /// Folder for the SQLite file
        scratch: PathBuf,
        /// A PostgreSQL server; its database is left with tables in it
        #[arg(long, env = "HERALD_TEST_POSTGRES_URL", hide_env_values = true)]
        postgres: Option<String>,
        /// Folder for ledger.json and ledger.md
        #[arg(long)]
        results: PathBuf,
        /// Jobs of each phase
        #[arg(long, default_value_t = 100_000)]
        jobs: usize,
    },
    /// Leases and finishes jobs while a thousand, or a million, others wait
    Backlog {
        /// Folder for the SQLite file
        scratch: PathBuf,
        /// A PostgreSQL server; its database is left with tables in it
        #[arg(long, env = "HERALD_TEST_POSTGRES_URL", hide_env_values = true)]
        postgres: Option<String>,
        /// Folder for backlog.json and backlog.md
        #[arg(long)]
        results: PathBuf,
        /// Jobs that wait
        #[arg(long, value_delimiter = ',', default_value = "1000,10000,100000,1000000")]
        sizes: Vec<usize>,
    },
    /// Holds queues to their rates, with two schedulers and four workers
    Limits {
        /// Folder for limits.json and limits.md
        #[arg(long)]
        results: PathBuf,
        /// Jobs a second, one after the other
        #[arg(long, value_delimiter = ',', default_value = "500,50")]
        rates: Vec<i64>,
        /// How long each is measured
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// Plays a role of the queue bench; see bench/queue/README.md
    Queue {
        /// push, singles, load, sleeper or work
        role: String,
        /// Jobs
        #[arg(default_value_t = 0)]
        count: usize,
    },
    /// Takes the mails of `mail`, and counts them
    #[command(hide = true)]
    MailSink {
        /// Its port on 127.0.0.1; 0 is any that is free
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
    /// Reads the peak memory of `herald invite`
    Memory {
        #[command(flatten)]
        options: invite::Options,
    },
    /// Runs `herald invite` from the list to the files, with its CPU time by stage
    Endtoend {
        #[command(flatten)]
        options: invite::Options,
        /// Guests on the list; each takes about 300 KB of the disk while it runs
        #[arg(long, default_value_t = 10_000)]
        guests: usize,
    },
    /// Uploads to a fake Drive, with more and more at once
    Uploads {
        /// The program
        herald: PathBuf,
        /// Template to render
        #[arg(long)]
        template: PathBuf,
        /// Python with the peers
        #[arg(long)]
        python: PathBuf,
        /// uploads/script.py
        #[arg(long)]
        script: PathBuf,
        /// Folder for the data folders, which are removed
        #[arg(long)]
        scratch: PathBuf,
        /// Folder for uploads.json and uploads.md
        #[arg(long)]
        results: PathBuf,
    },
}

fn main() -> anyhow::Result<()> {
    herald_app::jobs::install();
    match Command::parse() {
        Command::Render { scene, script, results, samples, rounds } => {
            render::run(&scene, &script, &results, &samples, rounds)
        }
        Command::Decoders { scene, out } => decoders::run(&scene, &out),
        Command::Faces { set, opencv, results } => faces::run(&set, &opencv, &results),
        Command::Drawing { options, rounds, results } => drawing::run(&options, rounds, &results),
        Command::DrawingRound { hands, format, options } => drawing::round(&options, hands, &format),
        Command::Studio => {
            let ended = herald_worker::studio::serve();
            anyhow::ensure!(ended == std::process::ExitCode::SUCCESS, "a drawing process ended early");
            Ok(())
        }
        Command::Ledger { scratch, postgres, results, jobs } => ledger::run(&scratch, postgres, &results, jobs),
        Command::Backlog { scratch, postgres, results, sizes } => backlog::run(&scratch, postgres, &results, &sizes),
        Command::Limits { results, rates, seconds } => limits::run(&results, &rates, seconds),
        Command::Queue { role, count } => {
            tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(queue::run(&role, count))
        }
        Command::MailSink { port } => sink::run(port),
        Command::Memory { options } => memory::run(&options),
        Command::Endtoend { options, guests } => endtoend::run(&options, guests),
        Command::Uploads { herald, template, python, script, scratch, results } => {
            uploads::run(&uploads::Options { herald, python, script, template, scratch }, &results)
        }
    }
}
