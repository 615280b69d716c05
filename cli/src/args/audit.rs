//! `herald audit`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// Only entries of this action, such as queue.pause
    #[arg(long)]
    pub(crate) action: Option<String>,
    /// The largest number of entries, newest first
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: usize,
    /// Verify the whole log: whether a row was changed or removed, or the end was cut off
    #[arg(long)]
    pub(crate) verify: bool,
    /// With --verify: a row that must still exist, as an earlier verification printed it. The default is the last
    /// verified row, which Herald notes in the data folder
    #[arg(long, requires = "verify")]
    pub(crate) checkpoint: Option<String>,
    /// The log of the installation itself: what people do with their accounts
    #[arg(long)]
    pub(crate) installation: bool,
    /// Print JSON, one object on each line
    #[arg(long)]
    pub(crate) json: bool,
}
