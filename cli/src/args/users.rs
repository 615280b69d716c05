//! `herald users` and `herald keys`.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, Subcommand};
use herald_shared::people::{Role, Scope};

#[derive(Debug, Subcommand)]
pub(crate) enum Users {
    /// Everybody who is registered
    List {
        /// As JSON, a line each
        #[arg(long)]
        json: bool,
    },
    /// Add somebody, without a mail to prove the address; the password is asked for
    Add(AddUser),
    /// Keep somebody out: all their sessions end at once
    Deactivate {
        /// Their e-mail address
        email: String,
    },
    /// Let somebody in again
    Activate {
        /// Their e-mail address
        email: String,
    },
    /// Take somebody's own password away: the agency's CRM vouches for them from now on
    ToCrm {
        /// Their e-mail address
        email: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AddUser {
    /// Their e-mail address
    pub(crate) email: String,
    /// What they may do in the first workspace: viewer, staff, agency, owner
    #[arg(long, default_value = "owner")]
    pub(crate) role: Role,
    /// They also administer the installation: its queues, its workers, all people
    #[arg(long)]
    pub(crate) admin: bool,
    /// A file that holds the password, instead of asking; - is the standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// The keys of the first workspace
    List {
        /// As JSON, a line each
        #[arg(long)]
        json: bool,
    },
    /// Make a key for a program; it is shown once
    Make(MakeKey),
    /// Take a key back: from now on it opens nothing
    Revoke {
        /// The key's id, as the list shows it
        id: uuid::Uuid,
    },
    /// Sign access tokens with a new key; older tokens run out by themselves
    Rotate,
}

#[derive(Debug, Args)]
pub(crate) struct MakeKey {
    /// What it is for
    pub(crate) name: String,
    /// What it may do: viewer, staff, agency, owner
    #[arg(long, default_value = "staff")]
    pub(crate) role: Role,
    /// What it may touch, such as invitation-runs:write; may be given several times. Without: all that its role may
    #[arg(long = "scope", value_name = "SCOPE")]
    pub(crate) scopes: Vec<Scope>,
    /// The day on which it ends (UTC), such as 2027-01-31
    #[arg(long, value_name = "DATE")]
    pub(crate) until: Option<NaiveDate>,
    /// It also administers the installation
    #[arg(long)]
    pub(crate) admin: bool,
}
