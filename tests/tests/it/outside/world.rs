//! A workspace with accounts at the fake providers, and a worker with the real handlers.

use std::{io::Cursor, sync::Arc, time::Duration};

use herald_accounts as connections;
use herald_accounts::{Clients, NewConnection, Typed};
use herald_app::config::Settings;
use herald_base::{image_format::ImageFormat, links::LinkSigner, vault::Vault};
use herald_db::{Db, query};
use herald_invitations as domain;
use herald_invitations::{
    Destination, InvitationRow, NewRun, NumberFormat, PlannedRun, Run, RunOptions, RunSource, TakeUp, start_planned,
};
use herald_ledger as ledger;
use herald_ledger::{LedgerError, wire::Wire};
use herald_providers::files::Files;
use herald_scheduler::{Outlet, Scheduler};
use herald_template::Bundle;
use herald_tests::{
    FakeS3, TestDatabase,
    fakes::{FakeGoogle, FakeMautic, Place},
    wait_until,
};
use herald_worker::{
    jobs,
    runner::{Handler, InFlight, QueueShare, Runner},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::ground;

/// The form people fill in.
pub(crate) const FORM: u64 = 3;
/// Two minutes of these tests' clock, which are at least half a minute: long enough for whoever lives to renew it, and
/// not too long to wait for where a worker was killed in the middle of taking jobs.
const LEASE: Duration = Duration::from_secs(120);

const MANIFEST: &str = r#"name = "small"
background = "back.png"

[[slot]]
name = "guest"
kind = "text"
value = "{{ name }}"
box = [4, 4, 92, 20]
size = 10
"#;

/// Everything a run outside needs.
pub(crate) struct World {
    pub(crate) db: Db,
    pub(crate) google: FakeGoogle,
    pub(crate) mautic: FakeMautic,
    pub(crate) s3: FakeS3,
    pub(crate) workspace: Uuid,
    pub(crate) folder: String,
    pub(crate) files: Files,
    settings: Arc<Settings>,
    vault: Vault,
    _data: TempDir,
}

impl World {
    /// A world in which nothing fails.
    pub(crate) async fn start(database: &TestDatabase) -> Self {
        Self::start_with(database, |_| {}).await
    }

    pub(crate) async fn start_with(database: &TestDatabase, set: impl FnOnce(&mut Settings)) -> Self {
        let db = database.db.clone();
        let place = || Place { clock: db.clock().clone(), ..Place::default() };
        let (google, mautic) = (FakeGoogle::start_at(&place()).await, FakeMautic::start_at(&place()).await);
        mautic.add_field("invitation_link", "text", 191);
        mautic.add_field("lucky_number", "text", 64);
        mautic.add_form(FORM, "Gala", &[("email", "email"), ("photo", "file")]);
        let data = TempDir::with_prefix("herald-test-").unwrap();
        let mut settings = Settings::load(None).unwrap();
        settings.google.token_url = google.token_uri();
        settings.google.auth_url = google.auth_uri();
        settings.google.drive_url = google.drive();
        settings.google.upload_url = google.upload();
        settings.google.file_link = format!("{}/file/d/{{id}}/view?usp=drivesdk", google.origin());
        settings.outside.allow_private = vec!["127.0.0.1/32".parse().unwrap()];
        settings.worker.cpu = 1;
        set(&mut settings);
        let workspace = herald_people::ensure_default_workspace(&db).await.unwrap();
        let files = Files::local(data.path().join("files")).unwrap();
        let folder = google.add_folder("Invitations");
        let vault = ground::vault(&db);
        let world = Self {
            db,
            google,
            mautic,
            s3: FakeS3::start().await,
            workspace,
            folder,
            files,
            settings: Arc::new(settings),
            vault,
            _data: data,
        };
        world.connect_mautic(FakeMautic::PASSWORD).await;
        world.consent().await;
        world.store_template(MANIFEST.to_owned()).await;
        world
    }

    async fn store_template(&self, manifest: String) {
        self.store_template_of(self.workspace, manifest).await;
    }

    async fn store_template_of(&self, workspace: Uuid, manifest: String) {
        let mut back = Vec::new();
        image::RgbImage::from_pixel(100, 60, image::Rgb([255; 3]))
            .write_to(&mut Cursor::new(&mut back), image::ImageFormat::Png)
            .unwrap();
        let mut bundle = Bundle::default();
        bundle.insert("template.toml", manifest.into()).unwrap();
        bundle.insert("back.png", back.into()).unwrap();
        domain::store_template(&self.db, &self.files, workspace, None, &bundle).await.unwrap();
    }

    /// A template with a portrait; its name.
    pub(crate) async fn portrait_template(&self) -> String {
        self.portrait_template_of(self.workspace).await
    }

    /// The same in another workspace.
    pub(crate) async fn portrait_template_of(&self, workspace: Uuid) -> String {
        let manifest = MANIFEST.replace("\"small\"", "\"portrait\"");
        let slot = "\n[[slot]]\nname = \"face\"\nkind = \"picture\"\nbox = [4, 26, 30, 30]\n";
        self.store_template_of(workspace, format!("{manifest}{slot}")).await;
        "portrait".to_owned()
    }

    /// Keeps an account as a person types it.
    pub(crate) async fn connect(&self, name: &str, typed: Value) {
        let (settings, credentials) = serde_json::from_value::<Typed>(typed).unwrap().read().unwrap();
        let mut tx = self.db.begin().await.unwrap();
        let new = NewConnection { name, settings, credentials };
        connections::save(&mut tx, &self.vault, self.workspace, new).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub(crate) async fn connect_mautic(&self, password: &str) {
        let typed =
            json!({ "provider": "mautic", "url": self.mautic.url(), "user": FakeMautic::USER, "password": password });
        self.connect("mautic", typed).await;
    }

    pub(crate) async fn connect_s3(&self) {
        let typed = json!({
            "provider": "s3", "bucket": FakeS3::BUCKET, "prefix": "outside", "endpoint": self.s3.endpoint(),
            "access_key_id": FakeS3::ACCESS_KEY_ID, "path_style": true, "allow_http": true, "secret_key": "a secret of \
             the test",
        });
        self.connect("s3", typed).await;
    }

    /// A person consents to Herald's use of their Drive, in a browser that follows every redirect.
    pub(crate) async fn consent(&self) {
        const BACK: &str = "http://127.0.0.1:9/oauth2callback";
        self.connect("google", json!({ "provider": "google", "client": self.google.client_secret_json(&[BACK]) }))
            .await;
        let clients = self.clients();
        let google = connections::connection_named(&self.db, self.workspace, "google").await.unwrap().unwrap();
        let mut tx = self.db.begin().await.unwrap();
        let state = connections::consent::ask(&mut tx, &clients, self.workspace, &google, BACK).await.unwrap();
        tx.commit().await.unwrap();
        let url = connections::consent::authorize_url(&self.db, &clients, &state).await.unwrap();
        let browser = herald_providers::http::builder(&[]).unwrap().build().unwrap();
        let sent_back = browser.get(url).send().await.unwrap();
        let place = sent_back.headers()["location"].to_str().unwrap().to_owned();
        let back: std::collections::HashMap<String, String> =
            url::Url::parse(&place).unwrap().query_pairs().into_owned().collect();
        let code = back["code"].clone().into();
        connections::consent::take(&self.db, &clients, &back["state"], code).await.unwrap();
    }

    pub(crate) fn clients(&self) -> Clients {
        Clients::new(&self.db, self.vault.clone(), &*self.settings).unwrap()
    }

    /// `count` people fill in the form.
    pub(crate) fn guests(&self, count: u64) {
        let there = self.mautic.contacts().len() as u64;
        for number in there + 1..=there + count {
            let email = format!("guest{number}@example.com");
            let name = format!("Guest{number}");
            let id = self.mautic.add_contact(&[("firstname", &name), ("lastname", "Example"), ("email", &email)]);
            self.mautic.submit(FORM, id, &[("email", &email)]);
        }
    }

    /// A run from the form into Drive, as a person plans it.
    pub(crate) fn plan(&self) -> PlannedRun {
        self.plan_to(json!({ "kind": "drive", "folder": self.folder }))
    }

    pub(crate) fn plan_to(&self, destination: Value) -> PlannedRun {
        serde_json::from_value(json!({
            "event": "Gala", "template": "small", "source": { "kind": "mautic", "form": FORM },
                "destination": destination,
        }))
        .unwrap()
    }

    pub(crate) async fn begin(&self, plan: &PlannedRun) -> Uuid {
        start_planned(&self.db, self.workspace, plan, TakeUp::Unfinished, ImageFormat::Jpeg, None).await.unwrap().id
    }

    /// A run for contacts that are known, into the Drive of a connection.
    pub(crate) async fn begin_contacts(&self, event: &str, ids: Vec<Uuid>, connection: &str) -> Uuid {
        let event = domain::ensure_event(&self.db, self.workspace, event, &NumberFormat::default()).await.unwrap();
        let template = domain::template_named(&self.db, self.workspace, "small").await.unwrap().unwrap();
        let found = connections::connection_named(&self.db, self.workspace, connection).await.unwrap().unwrap();
        let options = RunOptions {
            destination: Destination::Drive { connection_id: found.id, folder: self.folder.clone() },
            ..crate::guest_list::options()
        };
        let source = RunSource::Contacts { ids };
        let new = NewRun { event_id: event.id, template_id: template.id, source, options, traceparent: None };
        domain::start_run(&self.db, self.workspace, new).await.unwrap().id
    }

    pub(crate) async fn run(&self, id: Uuid) -> Run {
        domain::find_run(&self.db, self.workspace, id).await.unwrap().unwrap()
    }

    pub(crate) async fn rows(&self, id: Uuid) -> Vec<InvitationRow> {
        domain::run_guests(&self.db, self.workspace, id, None, None, 10_000).await.unwrap()
    }

    /// Waits until a run has ended; time passes when nothing else can happen.
    pub(crate) async fn ended(&self, id: Uuid) -> Run {
        wait_until("the run ends", async || {
            pass_time(&self.db).await;
            self.run(id).await.has_ended()
        })
        .await;
        self.run(id).await
    }

    /// Waits until a run waits for a person, and returns the reason.
    pub(crate) async fn needs_a_person(&self, id: Uuid) -> String {
        let waits = async || {
            let run = self.run(id).await;
            let waits = domain::waits_for(&self.db, self.workspace, &run).await.unwrap();
            waits.into_iter().find(|wait| wait.needs_a_person)
        };
        wait_until("the run needs a person", async || {
            step_time(&self.db).await;
            waits().await.is_some()
        })
        .await;
        waits().await.unwrap().reason
    }

    /// The handlers as a worker's process has them.
    pub(crate) fn handlers(&self) -> Handler {
        let links = LinkSigner::new("http://herald.example", [7; 32], chrono::Duration::days(365));
        jobs::handler(Arc::new(ground::context(&self.db, self.files.clone(), links, &self.settings, self.clients())))
    }

    /// A worker and a scheduler.
    pub(crate) fn work(&self) -> Worker {
        self.work_with(self.handlers())
    }

    pub(crate) fn work_with(&self, handler: Handler) -> Worker {
        self.work_on(&[("control", 2), ("cpu", 2), ("fetch", 64), ("sync", 4), ("drive", 8), ("mautic", 8)], handler)
    }

    /// A worker of some queues, with so many jobs at once, and a scheduler.
    pub(crate) fn work_on(&self, queues: &[(&str, usize)], handler: Handler) -> Worker {
        let (wire, stop) = (Wire::in_process(), CancellationToken::new());
        let runner = Runner {
            db: self.db.clone(),
            wire: wire.clone(),
            queues: queues.iter().map(|(queue, at_once)| QueueShare::new(queue, *at_once)).collect(),
            lease: LEASE,
            stop_after: Duration::from_secs(20),
            holder: None,
            in_flight: InFlight::default(),
            handler,
        };
        let scheduler = Scheduler {
            db: self.db.clone(),
            outlet: Outlet::in_process(wire, format!("worker {}", self.db.new_id())),
            lease: LEASE,
            tick: Duration::from_secs(5),
            keep: Duration::from_secs(30 * 86_400),
        };
        Worker {
            runner: tokio::spawn(runner.run(stop.child_token())),
            scheduler: tokio::spawn(scheduler.run(stop.child_token())),
            stop,
        }
    }

    pub(crate) async fn enqueue(&self, job: herald_ledger::NewJob) -> Uuid {
        let mut tx = self.db.begin().await.unwrap();
        let ids = ledger::enqueue(&mut tx, vec![job]).await.unwrap();
        tx.commit().await.unwrap();
        ids[0]
    }
}

/// A running worker.
pub(crate) struct Worker {
    stop: CancellationToken,
    runner: JoinHandle<()>,
    scheduler: JoinHandle<()>,
}

impl Worker {
    /// Stops as a process does.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.runner.await.unwrap();
        self.scheduler.await.unwrap();
    }

    /// Is given up on in the middle of whatever it does: its jobs are taken from it, and what it still does or says of
    /// them comes too late.
    pub(crate) async fn kill(self, db: &Db) {
        self.runner.abort();
        self.scheduler.abort();
        // Only then do they touch nothing more; but what the database was told to commit may still be under way, and is
        // found by its lease.
        let _ = tokio::join!(self.runner, self.scheduler);
        // As the scheduler does: that commit and this one may want the same rows, and PostgreSQL then ends one of them.
        while let Err(error) = herald_scheduler::rescue_all(db).await {
            assert!(matches!(&error, LedgerError::Db(error) if error.is_transient()), "{error}");
        }
    }
}

/// Moves the clock on: a long step when nothing runs, else a short one, for who waits for their turn in a rate.
pub(crate) async fn pass_time(db: &Db) {
    let step = if is_busy(db).await { Duration::from_millis(10) } else { Duration::from_secs(1) };
    db.clock().advance(step);
}

/// As [`pass_time`], in short steps: what waits minutes for a person goes on waiting.
pub(crate) async fn step_time(db: &Db) {
    if !is_busy(db).await {
        db.clock().advance(Duration::from_millis(100));
    }
}

async fn is_busy(db: &Db) -> bool {
    let (running,): (i64,) = query("select count(*) from jobs where state = 'running'").one(db).await.unwrap();
    running > 0
}
