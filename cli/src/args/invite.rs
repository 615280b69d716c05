//! `herald invite`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct Invite {
    /// The list of guests: CSV with a line that names the columns
    pub(crate) guests: PathBuf,
    /// The template's folder (template.toml and a background); without it the one that comes with Herald
    #[arg(long, value_name = "DIR")]
    pub(crate) template: Option<PathBuf>,
    /// The event; each event has its own lucky numbers
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) event: String,
    /// What the invitations are saved as
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
    /// Invitations drawn at once; without it one for each core
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) concurrency: Option<u16>,
    /// Only the first N guests of the list
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// Only guests whose invitation failed before
    #[arg(long)]
    pub(crate) only_failed: bool,
    /// Draw again also what is made already; numbers and links stay
    #[arg(long)]
    pub(crate) refresh: bool,
    /// Give no invitation to guests whose picture cannot be used, instead of a drawn avatar
    #[arg(long)]
    pub(crate) strict_pictures: bool,
    /// Digits of the lucky numbers, when the event is new
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(crate) digits: i64,
    /// Stands before the lucky numbers, when the event is new
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) prefix: String,
    /// Where the table of results goes; without it results.csv in the data folder
    #[arg(long, value_name = "FILE")]
    pub(crate) results: Option<PathBuf>,
    /// Report progress and the summary as JSON, a line each
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    Jpeg,
    Png,
    Webp,
}

impl Format {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::Webp => "webp",
        }
    }
}
