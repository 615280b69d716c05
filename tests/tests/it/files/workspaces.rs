//! Two agencies that invite to an event of the same name: each guest's link leads to their own invitation, and every
//! file lies under its workspace.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Cursor,
    ops::Deref,
};

use bytes::Bytes;
use futures::TryStreamExt;
use herald_app::jobs::TemplatePreview;
use herald_base::image_format::ImageFormat;
use herald_db::query;
use herald_invitations as domain;
use herald_invitations::{NewRun, NumberFormat, RunOptions, RunSource};
use herald_ledger::{Finished, Outcome, Payload};
use herald_providers::files::{Area, Key, Stored, folder};
use herald_template::Bundle;
use herald_tests::{App, TestDatabase, app::Builder, on_both_engines};
use herald_worker::runner::{Attempt, Handler};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::bucket;
use crate::{ground, guest_list};

on_both_engines! {
    two_agencies_with_one_event_keep_their_own_guests,
    another_format_takes_nobodys_file,
    every_file_lies_under_its_workspace,
    an_invitation_that_was_damaged_is_drawn_anew_with_its_number_and_link,
    a_picture_of_another_workspace_is_not_read,
}

const GUESTS: usize = 40;
const MANIFEST: &str = r#"name = "small"
background = "back.png"

[[slot]]
name = "guest"
kind = "text"
value = "{{ name }}"
box = [4, 4, 52, 20]
size = 10

[[slot]]
name = "face"
kind = "picture"
box = [4, 26, 12, 12]
"#;

/// An agency: its workspace and what it invites with.
struct Agency {
    workspace: Uuid,
    name: &'static str,
}

/// Two agencies on one app, and a worker's handlers.
struct Agencies {
    app: App,
    handler: Handler,
    ours: Agency,
    theirs: Agency,
}

impl Deref for Agencies {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}

impl Agencies {
    async fn start(database: &TestDatabase) -> Self {
        let agencies = [ground::workspace(&database.db).await, ground::workspace_named(&database.db, "theirs").await];
        Self::on(App::on(database), agencies).await
    }

    async fn on(app: Builder<'_>, [ours, theirs]: [Uuid; 2]) -> Self {
        let app = app.start_with(|settings| settings.worker.cpu = 2).await;
        let ours = Agency { workspace: ours, name: "ours" };
        let theirs = Agency { workspace: theirs, name: "theirs" };
        Self { handler: app.handlers(), app, ours, theirs }
    }

    /// The agency invites its guests to a gala, with numbers of one digit as long as there are.
    async fn invite(&self, agency: &Agency, options: RunOptions) -> Uuid {
        let mut back = Vec::new();
        image::RgbImage::from_pixel(60, 40, image::Rgb([255; 3]))
            .write_to(&mut Cursor::new(&mut back), image::ImageFormat::Png)
            .unwrap();
        let mut bundle = Bundle::default();
        bundle.insert("template.toml", MANIFEST.into()).unwrap();
        bundle.insert("back.png", back.into()).unwrap();
        let (db, workspace) = (&self.db, agency.workspace);
        let template = domain::store_template(db, &self.files, workspace, None, &bundle).await.unwrap();
        let numbers = NumberFormat { digits: 1, ..NumberFormat::default() };
        let event = domain::ensure_event(db, workspace, "Gala", &numbers).await.unwrap();
        let rows: String = (0..GUESTS).map(|guest| format!("Guest {guest} of {}\n", agency.name)).collect();
        let list = format!("name\n{rows}");
        let sha256 = hex::encode(Sha256::digest(&list));
        let key = Key::list(workspace, &sha256);
        self.files.put_once(&key, list.into()).await.unwrap();
        let source = RunSource::Csv {
            key: key.into(),
            name: "guests.csv".to_owned(),
            sha256,
            picture_folder: None,
            pictures: BTreeMap::new(),
            is_sheet: false,
        };
        let new = NewRun { event_id: event.id, template_id: template.id, source, options, traceparent: None };
        domain::start_run(db, workspace, new).await.unwrap().id
    }

    /// Does all there is to do.
    async fn work(&self) {
        loop {
            let mut leased = Vec::new();
            for queue in ["control", "cpu", "sync"] {
                leased.extend(ground::lease_from(&self.db, queue, 50).await);
            }
            if leased.is_empty() {
                return;
            }
            let mut finished = Vec::new();
            for job in leased {
                let attempt = Attempt { job: job.clone(), cancelled: CancellationToken::new() };
                let done = (self.handler)(attempt).await.unwrap_or_else(|error| panic!("{}: {error:?}", job.kind));
                let outcome = Outcome::Done { result: done.result, changes: done.changes, then: done.then };
                finished.push(Finished { job, outcome });
            }
            ground::commit(&self.db, finished).await;
        }
    }

    /// What every link of the agency shows, by the invitation; each is held to what was drawn for that guest.
    async fn shown(&self, agency: &Agency) -> BTreeMap<Uuid, Bytes> {
        let mut shown = BTreeMap::new();
        for (id, file, sha256) in self.invitations(agency).await {
            let file = Stored::of(agency.workspace, &file.expect("it is made")).unwrap();
            let bytes = self.files.get(&file, 1 << 20).await.unwrap();
            assert_eq!(
                Some(hex::encode(Sha256::digest(&bytes))),
                sha256,
                "{file} of {} is another guest's",
                agency.name
            );
            shown.insert(id, bytes);
        }
        shown
    }

    async fn invitations(&self, agency: &Agency) -> Vec<(Uuid, Option<String>, Option<String>)> {
        query("select id, file, sha256 from invitations where workspace_id = $1 order by id")
            .bind(agency.workspace)
            .all(&self.db)
            .await
            .unwrap()
    }

    /// The keys of all files there are.
    async fn keys(&self) -> Vec<String> {
        self.files.list("").try_collect().await.unwrap()
    }

    async fn stored(&self, agency: &Agency, area: Area) -> usize {
        self.files.list(&folder(agency.workspace, area)).try_collect::<Vec<_>>().await.unwrap().len()
    }
}

async fn two_agencies_with_one_event_keep_their_own_guests(database: &TestDatabase) {
    let agencies = Agencies::start(database).await;
    for agency in [&agencies.ours, &agencies.theirs] {
        agencies.invite(agency, guest_list::options()).await;
        agencies.work().await;
    }
    let (ours, theirs) = (agencies.shown(&agencies.ours).await, agencies.shown(&agencies.theirs).await);
    assert_eq!((ours.len(), theirs.len()), (GUESTS, GUESTS));
    let pictures: BTreeSet<&Bytes> = ours.values().chain(theirs.values()).collect();
    assert_eq!(pictures.len(), 2 * GUESTS, "no two guests see the same invitation");
}

async fn another_format_takes_nobodys_file(database: &TestDatabase) {
    let agencies = Agencies::start(database).await;
    for agency in [&agencies.ours, &agencies.theirs] {
        agencies.invite(agency, guest_list::options()).await;
    }
    agencies.work().await;
    let before = agencies.shown(&agencies.theirs).await;
    let options = RunOptions { format: ImageFormat::Png, refresh: true, ..guest_list::options() };
    agencies.invite(&agencies.ours, options).await;
    agencies.work().await;
    assert!(agencies.shown(&agencies.theirs).await == before, "their files are as they were");
    let ours = agencies.shown(&agencies.ours).await;
    assert!(ours.values().all(|bytes| bytes.starts_with(b"\x89PNG")));
    assert_eq!(agencies.stored(&agencies.ours, Area::Invitations).await, GUESTS, "the old format was left behind");
}

/// Lets everything that writes files write some, for two agencies, and holds every key to the workspace it is of.
async fn every_file_lies_under_its_workspace(database: &TestDatabase) {
    let (_server, store) = bucket().await;
    let named = async |slug| ground::workspace_named(&database.db, slug).await;
    let others = [named("in-a-bucket").await, named("in-a-bucket-too").await];
    for agencies in [Agencies::start(database).await, Agencies::on(App::on(database).files(store), others).await] {
        for agency in [&agencies.ours, &agencies.theirs] {
            let run = agencies.invite(agency, RunOptions { refresh: true, ..guest_list::options() }).await;
            // What a worker that crops faces and an upload of pictures lay down is covered by their keys' type.
            let (template,): (Uuid,) =
                query("select template_id from invitation_runs where workspace_id = $1 and id = $2")
                    .bind(agency.workspace)
                    .bind(run)
                    .one(&agencies.db)
                    .await
                    .unwrap();
            let preview = TemplatePreview {
                strict: false,
                picture: None,
                template_id: template,
                contact_id: None,
                fields: BTreeMap::new(),
                format: ImageFormat::Png,
            };
            ground::enqueue_one(&agencies.db, preview.job(agency.workspace)).await;
        }
        agencies.work().await;
        let keys = agencies.keys().await;
        for key in &keys {
            assert!(
                [&agencies.ours, &agencies.theirs].iter().any(|agency| Key::known(agency.workspace, key).is_some()),
                "{key} lies under no workspace"
            );
        }
        let areas = [
            (Area::Lists, 1),
            (Area::Templates, 1),
            (Area::Renderings, GUESTS),
            (Area::Invitations, GUESTS),
            (Area::Previews, 1),
            (Area::Results, 1),
        ];
        for agency in [&agencies.ours, &agencies.theirs] {
            for (area, count) in areas {
                assert_eq!(agencies.stored(agency, area).await, count, "{area:?} of {}", agency.name);
            }
            agencies.shown(agency).await;
        }
        assert_eq!(keys.len(), 2 * areas.iter().map(|(_, count)| count).sum::<usize>());
    }
}

async fn an_invitation_that_was_damaged_is_drawn_anew_with_its_number_and_link(database: &TestDatabase) {
    let agencies = Agencies::start(database).await;
    let run = agencies.invite(&agencies.ours, guest_list::options()).await;
    agencies.work().await;
    let before = agencies.shown(&agencies.ours).await;
    let guests =
        async || domain::run_guests(&agencies.db, agencies.ours.workspace, run, None, None, 100).await.unwrap();
    let promised: Vec<_> = guests().await.into_iter().map(|row| (row.id, row.lucky_number, row.link)).collect();
    let (id, file, _) = agencies.invitations(&agencies.ours).await.remove(0);
    let file = file.unwrap();
    let own = Key::known(agencies.ours.workspace, &file).unwrap();
    agencies.files.put(&own, Bytes::from_static(b"another guest's")).await.unwrap();
    let what = domain::Redraw { invitation_id: id, file: &file, from: domain::RedrawFrom::Drawing };
    assert!(domain::redraw(&agencies.db, agencies.ours.workspace, what).await.unwrap());
    assert!(!domain::redraw(&agencies.db, agencies.ours.workspace, what).await.unwrap(), "it is being drawn");
    assert!(!domain::redraw(&agencies.db, agencies.theirs.workspace, what).await.unwrap(), "it is another workspace's");
    agencies.work().await;
    assert!(agencies.shown(&agencies.ours).await == before);
    let after: Vec<_> = guests().await.into_iter().map(|row| (row.id, row.lucky_number, row.link)).collect();
    assert_eq!(after, promised);
    let run = domain::find_run(&agencies.db, agencies.ours.workspace, run).await.unwrap().unwrap();
    assert_eq!((run.state.as_str(), run.made, run.total), ("complete", GUESTS as i64, GUESTS as i64));
}

async fn a_picture_of_another_workspace_is_not_read(database: &TestDatabase) {
    let agencies = Agencies::start(database).await;
    let run = agencies.invite(&agencies.ours, guest_list::options()).await;
    agencies.work().await;
    let theirs = Key::picture(agencies.theirs.workspace, "abc");
    agencies.files.put(&theirs, Bytes::from_static(b"their guest")).await.unwrap();
    ground::run_sql(&agencies.db, &format!("update contacts set picture = 'store:{theirs}'")).await;
    let (id, file, _) = agencies.invitations(&agencies.ours).await.remove(0);
    let file = file.unwrap();
    let what = domain::Redraw { invitation_id: id, file: &file, from: domain::RedrawFrom::Picture };
    assert!(domain::redraw(&agencies.db, agencies.ours.workspace, what).await.unwrap());
    agencies.work().await;
    let rows = domain::run_guests(&agencies.db, agencies.ours.workspace, run, None, None, 100).await.unwrap();
    let notes = &rows.iter().find(|row| row.id == id).unwrap().portrait_notes.0;
    assert!(notes[0].contains("does not belong to this workspace"), "{notes:?}");
}
