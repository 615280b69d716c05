//! The arguments of `herald bounce`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Bounce {
    /// To whom the mail server passed the mail on, as it knows from the envelope
    #[arg(value_name = "ADDRESS")]
    pub(crate) to: Vec<String>,
}
