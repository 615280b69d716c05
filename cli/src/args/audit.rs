//! `herald audit`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// Only of this kind of act, such as queue.pause
    #[arg(long)]
    pub(crate) action: Option<String>,
    /// How many, newest first
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: usize,
    /// Read the whole log and say whether a row was changed or taken out
    #[arg(long)]
    pub(crate) verify: bool,
    /// As JSON, a line each
    #[arg(long)]
    pub(crate) json: bool,
}
