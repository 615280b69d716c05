//! A run of invitations as the import makes it, for tests of the domain.

use std::collections::BTreeMap;

use chrono::Duration;
use herald_base::{image_format::ImageFormat, links::LinkSigner};
use herald_contacts::Person;
use herald_db::Db;
use herald_invitations as domain;
use herald_invitations::{
    Destination, Event, Invitee, NewRun, NewTemplate, NumberFormat, PicturePolicy, Prepared, Run, RunOptions,
    RunSource, TemplateRow,
};
use herald_ledger as ledger;
use herald_ledger::NewJob;
use uuid::Uuid;

use crate::ground;

/// A started run with its surroundings.
pub(crate) struct Started {
    pub(crate) workspace: Uuid,
    pub(crate) event: Event,
    pub(crate) template: TemplateRow,
    pub(crate) run: Run,
}

pub(crate) fn options() -> RunOptions {
    RunOptions {
        format: ImageFormat::Jpeg,
        refresh: false,
        only_failed: false,
        limit: None,
        on_bad_picture: PicturePolicy::Avatar,
        allow_missing_glyphs: false,
        seconds_apart: None,
        destination: Destination::Local,
    }
}

pub(crate) fn csv(sha256: &str) -> RunSource {
    RunSource::Csv {
        key: format!("lists/{sha256}.csv"),
        name: "guests.csv".to_owned(),
        sha256: sha256.to_owned(),
        picture_folder: None,
        pictures: BTreeMap::new(),
        is_sheet: false,
    }
}

pub(crate) fn new_template(name: &str, version: &str) -> NewTemplate {
    NewTemplate {
        name: name.to_owned(),
        version: version.to_owned(),
        manifest: "[template]".to_owned(),
        files: BTreeMap::from([("background.png".to_owned(), "templates/background".to_owned())]),
        width: 1_080,
        height: 1_350,
        made_by: None,
    }
}

pub(crate) async fn template(db: &Db, workspace: Uuid, name: &str, version: &str) -> TemplateRow {
    let mut tx = db.begin().await.unwrap();
    let row = domain::save_template(&mut tx, workspace, &new_template(name, version)).await.unwrap();
    tx.commit().await.unwrap();
    row
}

pub(crate) async fn event(db: &Db, workspace: Uuid, name: &str) -> Event {
    let format = NumberFormat { prefix: "G-".to_owned(), digits: 4 };
    domain::ensure_event(db, workspace, name, &format).await.unwrap()
}

pub(crate) fn links() -> LinkSigner {
    LinkSigner::new("https://invite.example.org", [7; 32], Duration::days(30))
}

/// A run of the list with that hash, its import job waiting in the ledger.
pub(crate) async fn start(db: &Db, list: &str, options: RunOptions) -> Started {
    let workspace = ground::workspace(db).await;
    let event = event(db, workspace, "Spring Gala").await;
    let template = template(db, workspace, "gala", "1").await;
    let new = NewRun { event_id: event.id, template_id: template.id, source: csv(list), options, traceparent: None };
    let started = domain::start_run(db, workspace, new).await.unwrap();
    let run = run(db, workspace, started.id).await;
    Started { workspace, event, template, run }
}

pub(crate) async fn run(db: &Db, workspace: Uuid, id: Uuid) -> Run {
    domain::find_run(db, workspace, id).await.unwrap().expect("the run is there")
}

/// A guest with an e-mail; every other one has a picture.
pub(crate) fn guest(n: usize) -> Person {
    Person {
        row_key: format!("list:{n}"),
        email: Some(format!("guest{n}@example.org")),
        name: format!("Guest Number {n}"),
        picture: (n % 2 == 1).then(|| format!("file:{n}.jpg")),
        ..Person::default()
    }
}

pub(crate) fn guests(n: usize) -> Vec<Person> {
    (0..n).map(guest).collect()
}

/// Takes guests in as a chunk that begins at row `from`, and enqueues what makes their invitations.
pub(crate) async fn import(db: &Db, started: &Started, from: i64, guests: &[Person]) -> (Prepared, Vec<NewJob>) {
    let Started { workspace, run, .. } = started;
    let mut tx = db.begin().await.unwrap();
    let upserted = herald_contacts::upsert_people(&mut tx, *workspace, guests).await.unwrap();
    let invitees: Vec<_> = upserted
        .iter()
        .zip(guests)
        .enumerate()
        .map(|(at, (upserted, guest))| {
            Invitee::new(upserted.contact_id, from + i64::try_from(at).unwrap(), guest.picture.clone())
        })
        .collect();
    let (prepared, jobs) =
        domain::prepare_invitations(&mut tx, *workspace, run, &invitees, &links(), &mut Vec::new()).await.unwrap();
    let to = from + i64::try_from(guests.len()).unwrap();
    assert!(domain::take_chunk(&mut tx, *workspace, run.id, (from, to), prepared, 0).await.unwrap());
    ledger::enqueue(&mut tx, jobs.clone()).await.unwrap();
    tx.commit().await.unwrap();
    (prepared, jobs)
}

/// Marks the list as read and finishes the import's job.
pub(crate) async fn finish_import(db: &Db, started: &Started) {
    let mut tx = db.begin().await.unwrap();
    domain::import_finished(&mut tx, started.workspace, started.run.id).await.unwrap();
    tx.commit().await.unwrap();
    let import = ground::lease_from(db, "control", 1).await.remove(0);
    ground::commit(db, vec![ground::done(import)]).await;
}

/// A run whose whole list is taken in.
pub(crate) async fn imported(db: &Db, list: &str, number: usize) -> Started {
    let started = start(db, list, options()).await;
    import(db, &started, 0, &guests(number)).await;
    finish_import(db, &started).await;
    started
}
