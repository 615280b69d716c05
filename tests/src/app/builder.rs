//! Which parts an app has.

use std::sync::Arc;

use chrono::Duration;
use herald_app::config::Settings;
use herald_base::links::LinkSigner;
use herald_ledger::{redis_wire::RedisWire, wire::Wire};
use herald_people::{People, ensure_default_workspace};
use herald_providers::files::Files;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::{
    App,
    outside::{Outside, Wanted},
    served::Served,
    vault,
};
use crate::TestDatabase;

/// An app that is being put together.
#[must_use = "it begins with `start`"]
pub struct Builder<'d> {
    database: &'d TestDatabase,
    wanted: Wanted,
    api: bool,
    redis: Option<RedisWire>,
    files: Option<Files>,
}

impl<'d> Builder<'d> {
    pub(super) fn on(database: &'d TestDatabase) -> Self {
        Self { database, wanted: Wanted::default(), api: false, redis: None, files: None }
    }

    /// With the API on a port of its own, which counts requests in memory.
    pub fn api(mut self) -> Self {
        self.api = true;
        self
    }

    /// With an API that counts requests in this Redis.
    pub fn counting_in(mut self, redis: RedisWire) -> Self {
        self.redis = Some(redis);
        self
    }

    /// With Google: consent, and Drive.
    pub fn google(mut self) -> Self {
        self.wanted.google = true;
        self
    }

    /// With a Mautic.
    pub fn mautic(mut self) -> Self {
        self.wanted.mautic = true;
        self
    }

    /// With an S3 for connections.
    pub fn s3(mut self) -> Self {
        self.wanted.s3 = true;
        self
    }

    /// With a CRM that the settings name.
    pub fn crm(mut self) -> Self {
        self.wanted.crm = true;
        self
    }

    /// With Twilio and Meta, which send over WhatsApp.
    pub fn whatsapp(mut self) -> Self {
        self.wanted.whatsapp = true;
        self
    }

    /// With this file store instead of a folder of the test's own.
    pub fn files(mut self, files: Files) -> Self {
        self.files = Some(files);
        self
    }

    /// Begins.
    ///
    /// # Panics
    /// When the database does not answer or this machine has no room or no free port.
    pub async fn start(self) -> App {
        self.start_with(|_| {}).await
    }

    /// Begins with settings that differ from the defaults.
    ///
    /// # Panics
    /// As [`Builder::start`], and when the settings do not fit.
    pub async fn start_with(self, set: impl FnOnce(&mut Settings)) -> App {
        let db = self.database.db.clone();
        self.database.ending.watch();
        let outside = Outside::start(self.wanted, db.clock()).await;
        let mut settings = Settings::load(None).expect("the defaults are settings");
        // What makes passwords dear to guess makes tests slow.
        settings.people.password_memory_kib = 8;
        outside.write(&mut settings);
        set(&mut settings);
        let folder = TempDir::with_prefix("herald-test-").expect("the temporary folder is writable");
        let own = || Files::local(folder.path().join("files")).expect("the test's folder can be written");
        let files = self.files.unwrap_or_else(own);
        let workspace = ensure_default_workspace(&db).await.expect("a database just made answers");
        let listener = if self.api {
            Some(TcpListener::bind("127.0.0.1:0").await.expect("this machine has a free port"))
        } else {
            None
        };
        let origin = listener.as_ref().map_or_else(
            || "http://herald.example".to_owned(),
            |listener| format!("http://{}", listener.local_addr().expect("a bound listener has an address")),
        );
        let vault = vault(&db);
        let accounts = herald_accounts::Clients::new(&db, vault.clone(), &settings).expect("the settings fit");
        let people = People::from_settings(&db, &accounts, &settings).expect("the settings of people fit");
        let mut app = App {
            links: LinkSigner::new(&origin, [7; 32], Duration::days(365)).tracked_at(&settings.http.tracking_url),
            wire: Wire::in_process(),
            settings: Arc::new(settings),
            ending: self.database.ending.clone(),
            served: None,
            db,
            workspace,
            files,
            folder,
            people,
            outside,
            vault,
        };
        app.served = listener.map(|listener| Served::start(&app, listener, accounts, self.redis));
        app
    }
}
