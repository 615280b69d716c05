//! `herald campaign`.

use clap::{Args, Subcommand};
use uuid::Uuid;

#[derive(Debug, Args)]
pub(crate) struct CampaignOf {
    /// The short name of the workspace; by default the first one
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) workspace: Option<String>,
    #[command(subcommand)]
    pub(crate) act: Campaign,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Campaign {
    /// List campaigns, newest first
    List {
        /// The largest number of campaigns
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// Print JSON, one object on each line
        #[arg(long)]
        json: bool,
    },
    /// Show a campaign with its counts and what happened with it
    Show {
        /// The campaign's id
        id: Uuid,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Ask for the approval of a draft
    Submit {
        /// The campaign's id
        id: Uuid,
    },
    /// Approve a campaign as it is, in the name of whoever runs this Herald
    Approve {
        /// The campaign's id
        id: Uuid,
    },
    /// Send an approved or scheduled campaign now, and wait until it is sent
    Send(SendCampaign),
    /// Stop a campaign for now: no further message is handed over
    Pause {
        /// The campaign's id
        id: Uuid,
    },
    /// Go on with a paused campaign
    Resume {
        /// The campaign's id
        id: Uuid,
    },
    /// Stop a campaign for good: what was not sent is not sent any more
    Cancel {
        /// The campaign's id
        id: Uuid,
    },
}

#[derive(Debug, Args)]
pub(crate) struct SendCampaign {
    /// The campaign's id
    #[arg(long, value_name = "ID")]
    pub(crate) campaign_id: Uuid,
    /// Print JSON, one object on each line
    #[arg(long)]
    pub(crate) json: bool,
}
