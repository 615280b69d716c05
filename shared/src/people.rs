//! People, workspaces and who may do what: accounts with passwords and codes by mail, sessions, roles, invitation links, API keys.
//!
//! [`People`] is the service layer: the API and the command line call the same functions. What they promise:
//!
//! - An address that is known and one that is not get the same answers after the same work.
//! - Nothing in the database opens anything by itself: passwords are Argon2id hashes, tokens SHA-256 hashes, codes keyed hashes; what must be
//!   read again (a letter with a code) is sealed.
//! - What a person may do is looked up with every request, so taking it away holds at once.

mod access_token;
mod address;
mod change_address;
mod code;
mod error;
mod invitation;
mod key;
mod keyring;
mod letter;
mod member;
mod password;
mod profile;
mod register;
mod reset;
mod role;
mod session;
mod sign_in;
mod tidy;
mod token;
mod user;

use std::sync::Arc;

pub use self::{
    access_token::SignedIn,
    address::Address,
    code::{Asked, CODE_LIFETIME},
    error::{PeopleError, Result},
    invitation::{Invitation, NewInvitation},
    key::{ApiKey, Key, NewKey, PREFIX as KEY_PREFIX, Scope, SeenKey, check_key, first_key, has_keys, make_key},
    letter::Letter,
    member::{Member, Membership},
    password::Passwords,
    profile::ProfileChange,
    register::Registration,
    role::Role,
    session::{Device, Session, Tokens},
    tidy::tidy,
    user::User,
};
use self::{code::CODE_MINUTES, keyring::Keyring};
use crate::{config, db::Db, vault::Vault};

/// Accounts and what surrounds them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct People {
    db: Db,
    vault: Vault,
    keyring: Keyring,
    passwords: Passwords,
    settings: Arc<config::People>,
}

impl People {
    /// The people of a database, whose secrets `vault` seals.
    pub fn new(db: &Db, vault: &Vault, settings: &config::People) -> Self {
        Self {
            db: db.clone(),
            vault: vault.clone(),
            keyring: Keyring::new(db, vault),
            passwords: Passwords::new(db.ids().clone(), settings.password_memory_kib),
            settings: Arc::new(settings.clone()),
        }
    }

    /// Who may come in by themselves.
    pub fn settings(&self) -> &config::People {
        &self.settings
    }
}
