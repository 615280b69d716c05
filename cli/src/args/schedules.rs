//! `herald schedules`.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Schedules {
    /// List schedules, newest first
    List {
        /// Print JSON, one object on each line
        #[arg(long)]
        json: bool,
    },
    /// Create a schedule
    Add {
        /// The name of the schedule
        name: String,
        /// The cron expression: minute, hour, day of the month, month, day of the week, such as "0 9 * * 1-5"; or
        /// @daily
        #[arg(long, value_name = "EXPRESSION")]
        cron: String,
        /// The time zone of the cron expression, such as Europe/Madrid
        #[arg(long, value_name = "ZONE")]
        zone: String,
        /// The kind of the jobs, such as invitation.start
        #[arg(long)]
        kind: String,
        /// The jobs' arguments, as JSON
        #[arg(long, value_name = "JSON", default_value = "{}")]
        args: String,
        /// What to do with missed ticks: skip, once or all
        #[arg(long, value_name = "POLICY", default_value = "once")]
        missed: String,
        /// Whether to start a job while the last one is not finished: allow or skip
        #[arg(long, value_name = "POLICY", default_value = "allow")]
        overlap: String,
        /// Create the schedule paused
        #[arg(long)]
        paused: bool,
    },
    /// Show a schedule
    Show {
        /// The name or id of the schedule
        schedule: String,
    },
    /// Pause a schedule
    Pause {
        /// The name or id of the schedule
        schedule: String,
    },
    /// Resume a schedule
    Resume {
        /// The name or id of the schedule
        schedule: String,
    },
    /// Run a schedule at once; its next tick stays the same
    Run {
        /// The name or id of the schedule
        schedule: String,
    },
    /// Delete a schedule; its jobs stay
    Remove {
        /// The name or id of the schedule
        schedule: String,
    },
    /// Show the next ticks of a schedule
    Next {
        /// The name or id of the schedule
        schedule: String,
        /// The number of ticks
        #[arg(long, default_value_t = 5,
            value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100))]
        count: usize,
    },
}
