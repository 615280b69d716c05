//! `herald template`.

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Template {
    /// Check a template's folder and report every fault
    Check {
        /// The template's folder
        folder: PathBuf,
        /// Also draw a sample guest into this file (.jpg, .png or .webp)
        #[arg(long, value_name = "FILE")]
        preview: Option<PathBuf>,
        /// The sample guest's name
        #[arg(long, default_value = "Alex Example")]
        name: String,
    },
}
