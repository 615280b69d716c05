//! People, workspaces and who may do what: accounts with passwords and codes by mail, sessions, roles, invitation
//! links, API keys.
//!
//! [`People`] is the service layer: the API and the command line call the same functions. What they promise:
//!
//! - An address that is known and one that is not get the same answers after the same work.
//! - Nothing in the database opens anything by itself: passwords are Argon2id hashes, tokens SHA-256 hashes, codes
//!   keyed hashes; what must be read again (a letter with a code) is sealed.
//! - What a person may do is looked up with every request, so taking it away holds at once: for their keys and
//!   invitation links, too ([`Giver`]).
//! - A password is checked by whoever keeps it: Herald, or for its own people the agency's CRM ([`directory`]).

mod access_token;
mod browser;
mod change_address;
mod code;
mod directory;
mod error;
mod example;
mod familiar;
mod giver;
mod invitation;
pub mod jobs;
mod key;
mod keyring;
mod letter;
mod made;
mod member;
mod password;
mod profile;
mod register;
mod rekey;
mod reset;
mod saved_view;
mod search;
mod session;
mod settings;
mod setup;
mod sign_in;
mod standing;
mod tidy;
mod token;
mod user;
mod workspace;

use std::sync::Arc;

pub use self::{
    access_token::SignedIn,
    code::{Asked, CODE_LIFETIME},
    directory::{CrmLogin, CrmSettings, CrmSignature, CrmSync, CrmUserRow, CrmWebhook, SyncEnd, SyncScope, SyncState},
    error::{PeopleError, Result},
    giver::{Giver, Maker},
    invitation::{NewWorkspaceInvitation, WorkspaceInvitation},
    key::{
        ApiKey, Key, NewKey, PREFIX as KEY_PREFIX, SeenKey, check_key, first_key, has_keys, make_key, make_key_within,
    },
    letter::Letter,
    made::{Ended, Made, MadeSchedule},
    member::{Member, Membership},
    password::Passwords,
    profile::ProfileChange,
    register::Registration,
    rekey::{Rekeyed, rekey},
    saved_view::{NewView, SavedView},
    search::{FoundKey, FoundMember, FoundUser},
    session::{Device, Session, Tokens},
    settings::PeopleSettings,
    setup::FirstOwner,
    standing::standing_of,
    tidy::tidy,
    user::{User, UserState},
    workspace::{
        DEFAULT_WORKSPACE, INSTALLATION, ensure_default_workspace, installation, workspace_name, workspace_of,
    },
};
use self::{code::CODE_MINUTES, keyring::Keyring};
use herald_accounts::Clients;
pub use herald_base::{address::Address, role::Role, scope::Scope};
use herald_base::{settings::SettingsError, vault::Vault};
use herald_db::Db;
pub use herald_ledger::Standing;

/// Accounts and what surrounds them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct People {
    db: Db,
    vault: Vault,
    keyring: Keyring,
    passwords: Passwords,
    settings: Arc<PeopleSettings>,
    crm: Option<directory::Directory>,
}

/// What the settings say of people.
#[derive(Clone, Copy, Debug)]
pub struct DirectorySettings<'s> {
    /// `[people]`
    pub people: &'s PeopleSettings,
    /// `[crm]`
    pub crm: &'s CrmSettings,
}

impl People {
    /// The people of a database, whose secrets `vault` seals.
    pub fn new(db: &Db, vault: &Vault, settings: &PeopleSettings) -> Self {
        Self {
            db: db.clone(),
            vault: vault.clone(),
            keyring: Keyring::new(db, vault),
            passwords: Passwords::new(db.ids().clone(), settings.password_memory_kib),
            settings: Arc::new(settings.clone()),
            crm: None,
        }
    }

    /// Made from an installation's settings: with the CRM, if there is one.
    ///
    /// # Errors
    /// When the CRM's address is not valid.
    pub fn from_settings<'s>(
        db: &Db,
        accounts: &Clients,
        settings: impl Into<DirectorySettings<'s>>,
    ) -> std::result::Result<Self, SettingsError> {
        let DirectorySettings { people, crm } = settings.into();
        let client = crm.client(accounts.http())?;
        let crm = client.map(|client| directory::Directory { client, settings: Arc::new(crm.clone()) });
        Ok(Self { crm, ..Self::new(db, accounts.vault(), people) })
    }

    /// Who may come in by themselves.
    pub fn settings(&self) -> &PeopleSettings {
        &self.settings
    }
}
