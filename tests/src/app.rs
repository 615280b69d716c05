//! One Herald for one test: settings, files, accounts and people on the test's database, with the parts that the test
//! asks for.
//!
//! ```text
//! let app = App::on(database).google().mautic().start().await;
//! let process = app.work(Work::on(queues, app.handlers()));
//! …
//! process.stop().await;
//! ```
//!
//! The API and the fakes of the services outside are chosen by the builder. Workers come and go within a test, so
//! [`App::work`] starts them, each with a scheduler. When the test ends, nothing live may be left in the ledger, unless
//! the test says so with [`App::leaves`] (`ending.rs`).

mod builder;
pub(crate) mod ending;
mod handlers;
mod outside;
mod process;
mod served;

use std::sync::Arc;

use herald_accounts::Clients;
use herald_app::config::Settings;
use herald_base::{links::LinkSigner, vault::Vault};
use herald_db::Db;
use herald_ledger::wire::Wire;
use herald_people::People;
use herald_providers::files::Files;
use herald_worker::{jobs, runner::Handler};
use tempfile::TempDir;
use uuid::Uuid;

pub use self::{
    builder::Builder,
    process::{Process, Work},
    served::Served,
};
use self::{ending::Ending, outside::Outside};
use crate::{
    FakeS3, TestDatabase,
    fakes::{FakeCrm, FakeGoogle, FakeMautic, FakeMeta, FakeTwilio},
};

/// A Herald of the test's own. Dropping it removes its files.
pub struct App {
    /// The test's database.
    pub db: Db,
    /// The first workspace.
    pub workspace: Uuid,
    /// The file store.
    pub files: Files,
    /// Where the files lie, in `files`.
    pub folder: TempDir,
    /// Every setting.
    pub settings: Arc<Settings>,
    /// Makes the links of invitations.
    pub links: LinkSigner,
    /// People and their workspaces.
    pub people: People,
    /// What the API tells of cancelled jobs.
    pub wire: Wire,
    /// The API, until somebody takes it.
    served: Option<Served>,
    outside: Outside,
    vault: Vault,
    ending: Arc<Ending>,
}

impl App {
    /// An app on a test's database, whose parts are still to be chosen.
    pub fn on(database: &TestDatabase) -> Builder<'_> {
        Builder::on(database)
    }

    /// The test leaves live jobs of these kinds, and the batches that wait for them. Say why where it is not plain.
    pub fn leaves(&self, kinds: &[&'static str]) {
        self.ending.leaves(kinds);
    }

    /// The test leaves a queue that is paused or blocked, or in which a key is.
    pub fn leaves_held(&self, queue: &'static str) {
        self.ending.leaves_held(queue);
    }

    /// The API, for a client that talks to it.
    ///
    /// # Panics
    /// When the app has none, or it was taken before.
    pub fn take_served(&mut self) -> Served {
        self.served.take().expect("the app was made with `.api()`, and its API is taken once")
    }

    /// Begins to work, with a scheduler, as another process would.
    pub fn work(&self, work: Work) -> Process {
        Process::start(&self.db, work)
    }

    /// The handlers as a worker's process has them.
    ///
    /// # Panics
    /// When the settings do not fit.
    pub fn handlers(&self) -> Handler {
        self.handlers_with(self.clients())
    }

    /// The handlers with these clients of accounts.
    ///
    /// # Panics
    /// As [`App::handlers`].
    pub fn handlers_with(&self, accounts: Clients) -> Handler {
        let context = handlers::context(&self.db, self.files.clone(), self.links.clone(), &self.settings, accounts);
        jobs::handler(Arc::new(context))
    }

    /// Clients of the accounts outside that know nothing yet.
    ///
    /// # Panics
    /// When the settings do not fit.
    pub fn clients(&self) -> Clients {
        Clients::new(&self.db, self.vault.clone(), &*self.settings).expect("the settings fit")
    }

    /// What seals the app's secrets.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// The fake Google.
    ///
    /// # Panics
    /// When the app was made without.
    pub fn google(&self) -> &FakeGoogle {
        self.outside.google.as_ref().expect("the app was made with `.google()`")
    }

    /// The fake Mautic.
    ///
    /// # Panics
    /// When the app was made without.
    pub fn mautic(&self) -> &FakeMautic {
        self.outside.mautic.as_ref().expect("the app was made with `.mautic()`")
    }

    /// The fake S3.
    ///
    /// # Panics
    /// When the app was made without.
    pub fn s3(&self) -> &FakeS3 {
        self.outside.s3.as_ref().expect("the app was made with `.s3()`")
    }

    /// The fake CRM.
    ///
    /// # Panics
    /// When the app was made without.
    pub fn crm(&self) -> &FakeCrm {
        self.outside.crm.as_ref().expect("the app was made with `.crm()`")
    }

    /// The fake Twilio.
    ///
    /// # Panics
    /// When the app was made without.
    pub fn twilio(&self) -> &FakeTwilio {
        self.outside.twilio.as_ref().expect("the app was made with `.whatsapp()`")
    }

    /// The fake Meta.
    ///
    /// # Panics
    /// When the app was made without.
    pub fn meta(&self) -> &FakeMeta {
        self.outside.meta.as_ref().expect("the app was made with `.whatsapp()`")
    }
}

/// What seals the secrets of tests.
pub fn vault(db: &Db) -> Vault {
    Vault::new([9; 32], [], db.ids().clone())
}
