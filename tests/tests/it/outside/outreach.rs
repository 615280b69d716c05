//! A workspace with accounts at the fake providers, and workers with the real handlers.

use std::{io::Cursor, ops::Deref, time::Duration};

use herald_accounts as connections;
use herald_accounts::{NewConnection, Typed};
use herald_app::config::Settings;
use herald_base::image_format::ImageFormat;
use herald_db::Db;
use herald_invitations as domain;
use herald_invitations::{
    Destination, InvitationRow, NewRun, NumberFormat, PlannedRun, Run, RunOptions, RunSource, TakeUp, start_planned,
};
use herald_ledger as ledger;
use herald_template::Bundle;
use herald_tests::{
    App, FakeS3, TestDatabase,
    app::{Process, Work},
    fakes::FakeMautic,
    wait_until,
};
use herald_worker::runner::{Handler, QueueShare};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::ground::number;

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
pub(crate) struct Outreach {
    app: App,
    /// The folder in Drive where invitations go.
    pub(crate) drive_folder: String,
}

impl Deref for Outreach {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}

impl Outreach {
    /// One in which nothing fails.
    pub(crate) async fn start(database: &TestDatabase) -> Self {
        Self::start_with(database, |_| {}).await
    }

    pub(crate) async fn start_with(database: &TestDatabase, set: impl FnOnce(&mut Settings)) -> Self {
        let set = |settings: &mut Settings| {
            settings.worker.cpu = 1;
            set(settings);
        };
        let app = App::on(database).google().mautic().s3().start_with(set).await;
        app.mautic().add_field("invitation_link", "text", 191);
        app.mautic().add_field("lucky_number", "text", 64);
        app.mautic().add_form(FORM, "Gala", &[("email", "email"), ("photo", "file")]);
        let outreach = Self { drive_folder: app.google().add_folder("Invitations"), app };
        outreach.connect_mautic(FakeMautic::PASSWORD).await;
        outreach.consent().await;
        outreach.store_template(MANIFEST.to_owned()).await;
        outreach
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
        connections::save(&mut tx, self.vault(), self.workspace, new).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub(crate) async fn connect_mautic(&self, password: &str) {
        let typed =
            json!({ "provider": "mautic", "url": self.mautic().url(), "user": FakeMautic::USER, "password": password });
        self.connect("mautic", typed).await;
    }

    pub(crate) async fn connect_s3(&self) {
        let typed = json!({
            "provider": "s3", "bucket": FakeS3::BUCKET, "prefix": "outside", "endpoint": self.s3().endpoint(),
            "access_key_id": FakeS3::ACCESS_KEY_ID, "path_style": true, "allow_http": true, "secret_key": "a secret of \
             the test",
        });
        self.connect("s3", typed).await;
    }

    /// A person consents to Herald's use of their Drive, in a browser that follows every redirect.
    pub(crate) async fn consent(&self) {
        const BACK: &str = "http://127.0.0.1:9/oauth2callback";
        self.connect("google", json!({ "provider": "google", "client": self.google().client_secret_json(&[BACK]) }))
            .await;
        let clients = self.clients();
        let google = connections::find_connection_named(&self.db, self.workspace, "google").await.unwrap().unwrap();
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

    /// `count` people fill in the form.
    pub(crate) fn guests(&self, count: u64) {
        let there = self.mautic().contacts().len() as u64;
        for number in there + 1..=there + count {
            let email = format!("guest{number}@example.com");
            let name = format!("Guest{number}");
            let id = self.mautic().add_contact(&[("firstname", &name), ("lastname", "Example"), ("email", &email)]);
            self.mautic().submit(FORM, id, &[("email", &email)]);
        }
    }

    /// A run from the form into Drive, as a person plans it.
    pub(crate) fn plan(&self) -> PlannedRun {
        self.plan_to(json!({ "kind": "drive", "folder": self.drive_folder }))
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
        let found = connections::find_connection_named(&self.db, self.workspace, connection).await.unwrap().unwrap();
        let options = RunOptions {
            destination: Destination::Drive { connection_id: found.id, folder: self.drive_folder.clone() },
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

    /// Waits until a run has ended and all is written; time passes when nothing else can happen.
    pub(crate) async fn ended(&self, id: Uuid) -> Run {
        wait_until("the run ends", async || {
            pass_time(&self.db).await;
            self.run(id).await.has_ended() && is_idle(&self.db).await
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

    /// A worker and a scheduler.
    pub(crate) fn begin_work(&self) -> Process {
        let queues = [("control", 2), ("cpu", 2), ("fetch", 64), ("sync", 4), ("drive", 8), ("mautic", 8)];
        self.work_on(&queues, self.handlers())
    }

    /// A worker of some queues, with so many jobs at once, and a scheduler.
    pub(crate) fn work_on(&self, queues: &[(&str, usize)], handler: Handler) -> Process {
        let queues = queues.iter().map(|(queue, at_once)| QueueShare::new(queue, *at_once)).collect();
        self.work(Work::on(queues, handler).lease(LEASE).tick(Duration::from_secs(5)))
    }

    pub(crate) async fn enqueue(&self, job: herald_ledger::NewJob) -> Uuid {
        let mut tx = self.db.begin().await.unwrap();
        let ids = ledger::enqueue(&mut tx, vec![job]).await.unwrap();
        tx.commit().await.unwrap();
        ids[0]
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
    number(db, "select count(*) from jobs where state = 'running'").await > 0
}

/// Whether no job is left to do. A run ends with its last guest; its summary is written after that.
pub(crate) async fn is_idle(db: &Db) -> bool {
    number(db, "select count(*) from jobs where state in ('ready', 'running')").await == 0
}
