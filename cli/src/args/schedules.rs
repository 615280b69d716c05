//! `herald schedules`.

use clap::Subcommand;

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
        /// What its jobs do, such as invitation.start
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
