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
    /// Read the whole log and say whether a row was changed or taken out, or its end cut off
    #[arg(long)]
    pub(crate) verify: bool,
    /// With --verify: a row that must still be there, as an earlier verification printed it. By default the last one
    /// that was found right here, which is noted in the data folder
    #[arg(long, requires = "verify")]
    pub(crate) checkpoint: Option<String>,
    /// The installation's own log: what people do with their accounts
    #[arg(long)]
    pub(crate) installation: bool,
    /// As JSON, a line each
    #[arg(long)]
    pub(crate) json: bool,
}
