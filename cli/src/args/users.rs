//! `herald users` and `herald keys`.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, Subcommand};
use herald_people::{Role, Scope};

#[derive(Debug, Subcommand)]
pub(crate) enum Users {
    /// List every registered user
    List {
        /// Print JSON, one object on each line
        #[arg(long)]
        json: bool,
    },
    /// Add a user without an e-mail to confirm the address; the command asks for the password
    Add(AddUser),
    /// Deactivate a user: all sessions of the user end at once
    Deactivate {
        /// The user's e-mail address
        email: String,
    },
    /// Activate a user again
    Activate {
        /// The user's e-mail address
        email: String,
    },
    /// Remove a user's own password: from now on the agency's CRM checks the password
    ToCrm {
        /// The user's e-mail address
        email: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AddUser {
    /// The user's e-mail address
    pub(crate) email: String,
    /// The role in the first workspace: viewer, staff, agency or owner
    #[arg(long, default_value = "owner")]
    pub(crate) role: Role,
    /// Make the user an administrator of the installation: its queues, its workers, all users
    #[arg(long)]
    pub(crate) admin: bool,
    /// Read the password from this file instead of asking; - means the standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// List the keys of the first workspace
    List {
        /// Print JSON, one object on each line
        #[arg(long)]
        json: bool,
    },
    /// Create a key for a program; the command shows the key only once
    Make(MakeKey),
    /// Revoke a key
    Revoke {
        /// The id of the key, as the list shows it
        id: uuid::Uuid,
    },
    /// Sign access tokens with a new key; older tokens stay valid until they expire
    Rotate,
}

#[derive(Debug, Args)]
pub(crate) struct MakeKey {
    /// The name of the key, which says what the key is for
    pub(crate) name: String,
    /// The role of the key: viewer, staff, agency or owner
    #[arg(long, default_value = "staff")]
    pub(crate) role: Role,
    /// A scope of the key, such as invitation-runs:write; repeat it for several. By default everything its role allows
    #[arg(long = "scope", value_name = "SCOPE")]
    pub(crate) scopes: Vec<Scope>,
    /// The day on which the key expires (UTC), such as 2027-01-31
    #[arg(long, value_name = "DATE")]
    pub(crate) until: Option<NaiveDate>,
    /// Let the key also administer the installation
    #[arg(long)]
    pub(crate) admin: bool,
}
