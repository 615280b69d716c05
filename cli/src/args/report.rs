//! The arguments of `herald report`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Report {
    /// The leads of a day, with the follow-ups that are due and totals
    DailyLeads(DailyLeads),
}

#[derive(Debug, Args)]
pub(crate) struct DailyLeads {
    /// The day: today, yesterday, or a date such as 2026-03-01
    #[arg(long, default_value = "yesterday")]
    pub(crate) day: String,
    /// The time zone of the day, as an IANA name
    #[arg(long, default_value = "UTC", value_name = "ZONE")]
    pub(crate) time_zone: String,
    /// The form of the file: xlsx, csv, json or pdf
    #[arg(long, default_value = "xlsx")]
    pub(crate) format: String,
    /// The file; by default daily_leads_DAY_TIME in this folder
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}
