//! Files from before every file lay under its workspace are moved there: whatever kills it, and whoever else does it,
//! every link leads to its own guest in the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::poll_fn,
    path::PathBuf,
    pin::pin,
    task::Poll,
};

use bytes::Bytes;
use futures::TryStreamExt;
use herald_base::{clock::Clock, ids::Ids};
use herald_contacts::Person;
use herald_db::{Db, Json, query};
use herald_invitations as domain;
use herald_invitations::{Invitee, MoveError, NewRun, NewTemplate, NumberFormat, RunSource};
use herald_providers::files::{Bucket, Files, Key, Stored};
use herald_tests::{FakeS3, S3Call, S3Fault, TestDatabase, on_both_engines};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use uuid::Uuid;

use super::bucket;
use crate::{ground, guest_list};

on_both_engines! {
    every_link_leads_to_its_own_guest_after_the_move,
    the_move_can_be_killed_anywhere_and_begun_again,
    a_store_that_fails_at_any_call_is_no_loss,
    two_processes_may_move_at_once,
    while_an_earlier_version_may_run_old_files_stay_for_a_day,
    an_empty_store_is_no_reason_to_draw_everything_anew,
    a_new_database_has_nothing_to_move,
}

/// As many as there are numbers of one digit: both agencies give out the same.
const GUESTS: usize = 9;

/// An old installation: two agencies whose invitations lie over each other.
struct Old {
    db: Db,
    files: Files,
    at: At,
    agencies: [Uuid; 2],
    /// What was drawn for each invitation.
    drawn: BTreeMap<Uuid, Bytes>,
    /// The number and link of each.
    promised: BTreeMap<Uuid, (String, String)>,
    /// An invitation that was overwritten and whose drawing is gone as well.
    lost: Uuid,
}

enum At {
    Folder(TempDir),
    Bucket(FakeS3, Bucket),
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

impl Old {
    async fn in_folder(database: &TestDatabase) -> Self {
        let folder = TempDir::with_prefix("herald-test-").unwrap();
        let files = Files::local(folder.path().join("files")).unwrap();
        Self::lay(database, files, At::Folder(folder)).await
    }

    async fn in_bucket(database: &TestDatabase) -> Self {
        let (server, files) = bucket().await;
        let raw = Bucket::open(&server.account("herald")).unwrap();
        Self::lay(database, files, At::Bucket(server, raw)).await
    }

    async fn lay(database: &TestDatabase, files: Files, at: At) -> Self {
        let db = database.db.clone();
        let agencies = [ground::workspace(&db).await, ground::workspace_named(&db, "theirs").await];
        let (drawn, promised) = (BTreeMap::new(), BTreeMap::new());
        let mut old = Self { db, files, at, agencies, drawn, promised, lost: Uuid::nil() };
        for agency in agencies {
            old.invite(agency).await;
        }
        ground::run_sql(&old.db, "delete from job_errors").await;
        ground::run_sql(&old.db, "delete from jobs").await;
        ground::run_sql(&old.db, "insert into old_files (one) values (true)").await;
        // Of the agency that came first, everything was overwritten; of one guest the drawing is gone, too.
        let (lost, rendering): (Uuid, String) =
            query("select id, rendering from invitations where workspace_id = $1 order by id limit 1")
                .bind(agencies[0])
                .one(&old.db)
                .await
                .unwrap();
        old.lost = lost;
        old.remove(&rendering).await;
        old
    }

    async fn put(&self, key: &str, bytes: Bytes) {
        match &self.at {
            At::Folder(folder) => {
                let path = folder.path().join("files").join(key);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, bytes).unwrap();
            }
            At::Bucket(_, raw) => raw.put(key, bytes).await.unwrap(),
        }
    }

    async fn remove(&self, key: &str) {
        match &self.at {
            At::Folder(folder) => std::fs::remove_file(folder.path().join("files").join(key)).unwrap(),
            At::Bucket(server, _) => server.remove(&format!("herald/{key}")),
        }
    }

    /// One agency's gala as an earlier version made it.
    async fn invite(&mut self, agency: Uuid) {
        let (db, links) = (self.db.clone(), guest_list::links());
        let (background, list, picture) = (
            Bytes::from_static(b"a background"),
            Bytes::from(format!("name\n{agency}")),
            Bytes::from(format!("{agency}")),
        );
        let old = |folder: &str, bytes: &Bytes| format!("{folder}/{}", hash(bytes));
        let numbers = NumberFormat { digits: 1, ..NumberFormat::default() };
        let event = domain::ensure_event(&db, agency, "Gala", &numbers).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let template = NewTemplate {
            files: BTreeMap::from([("background.png".to_owned(), old("templates", &background))]),
            ..guest_list::new_template("gala", "1")
        };
        let template = domain::save_template(&mut tx, agency, &template).await.unwrap();
        tx.commit().await.unwrap();
        let source = RunSource::Csv {
            key: format!("{}.csv", old("imports", &list)),
            name: "guests.csv".to_owned(),
            sha256: hash(&list),
            picture_folder: None,
            pictures: BTreeMap::from([("ann.jpg".to_owned(), old("pictures", &picture))]),
            is_sheet: false,
        };
        let options = guest_list::options();
        let new = NewRun { event_id: event.id, template_id: template.id, source, options, traceparent: None };
        let run = domain::start_run(&db, agency, new).await.unwrap().id;
        let run = domain::find_run(&db, agency, run).await.unwrap().unwrap();
        let guests: Vec<Person> = (0..GUESTS)
            .map(|guest| Person {
                picture: Some(format!("store:{}", old("pictures", &picture))),
                ..guest_list::guest(guest)
            })
            .collect();
        let mut tx = db.begin().await.unwrap();
        let upserted = herald_contacts::upsert_people(&mut tx, agency, &guests).await.unwrap();
        let invitees: Vec<_> = upserted
            .iter()
            .zip(&guests)
            .zip(0..)
            .map(|((guest, listed), at)| Invitee::new(guest.contact_id, at, listed.picture.clone()))
            .collect();
        let (prepared, _) =
            domain::prepare_invitations(&mut tx, agency, &run, &invitees, &links, &mut Vec::new()).await.unwrap();
        let rows = i64::try_from(GUESTS).unwrap();
        assert!(domain::take_chunk(&mut tx, agency, run.id, (0, rows), prepared, 0).await.unwrap());
        domain::import_finished(&mut tx, agency, run.id).await.unwrap();
        query("update invitation_runs set state = 'complete', made = $2 where id = $1")
            .bind(run.id)
            .bind(rows)
            .execute(&mut tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        self.put(&old("templates", &background), background.clone()).await;
        self.put(&format!("{}.csv", old("imports", &list)), list.clone()).await;
        self.put(&old("pictures", &picture), picture.clone()).await;
        self.put(&format!("results/{}.csv", run.id), Bytes::from_static(b"a table")).await;
        for row in domain::run_guests(&db, agency, run.id, None, None, 100).await.unwrap() {
            let bytes = Bytes::from(format!("{} of {agency}", row.name));
            let name = hash(format!("what {} shows", row.id).as_bytes());
            let rendering = format!("renderings/{}/{name}.jpg", &name[..2]);
            let portrait = format!("portraits/{}/{name}", &name[..2]);
            let file = format!("invitations/gala/{}.jpg", row.lucky_number);
            for key in [&rendering, &portrait, &file] {
                self.put(key, bytes.clone()).await;
            }
            let mut tx = db.begin().await.unwrap();
            query(
                "update invitations set state = 'made', step = 'done', portrait = $2, rendering = $3, file = $4, \
                 sha256 = $5 where id = $1",
            )
            .bind(row.id)
            .bind(portrait)
            .bind(rendering)
            .bind(file)
            .bind(hash(&bytes))
            .execute(&mut tx)
            .await
            .unwrap();
            tx.commit().await.unwrap();
            self.drawn.insert(row.id, bytes);
            self.promised.insert(row.id, (row.lucky_number, row.link));
        }
    }

    /// Holds every row to what it was promised, and every link that shows something to its own guest. Returns how many
    /// show it.
    async fn check(&self) -> usize {
        let mut shown = 0;
        for (id, drawn) in &self.drawn {
            let found = domain::invitation_file(&self.db, *id).await.unwrap().unwrap();
            let (number, link): (String, String) = query("select lucky_number, link from invitations where id = $1")
                .bind(*id)
                .one(&self.db)
                .await
                .unwrap();
            assert_eq!(self.promised[id], (number, link), "number and link stay");
            let Some(file) = &found.file else { continue };
            let file = Stored::of(found.workspace_id, file).unwrap();
            let sha256 = found.sha256.unwrap();
            assert_eq!(sha256, hash(drawn));
            if let Ok(Some((_, content))) = self.files.stream_if(&file, &sha256).await {
                assert_eq!(
                    content.try_collect::<Vec<_>>().await.unwrap().concat(),
                    drawn.to_vec(),
                    "another guest's is shown"
                );
                shown += 1;
            }
        }
        shown
    }

    /// Everything lies under its workspace, and every link leads to its own guest, or is about to.
    async fn check_moved(&self) {
        assert!(!domain::has_old_files(&self.db).await.unwrap());
        assert_eq!(self.check().await, 2 * GUESTS - 1);
        let all: Vec<String> = self.files.list("").try_collect().await.unwrap();
        let own = |key: &&String| self.agencies.iter().any(|agency| Key::known(*agency, key).is_some());
        assert_eq!(
            all.iter().filter(|key| !own(key)).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "left where they were"
        );
        let all: BTreeSet<String> = all.into_iter().collect();
        for agency in self.agencies {
            for key in self.named(agency).await {
                assert!(Key::known(agency, &key).is_some(), "{key} is named by a row of another workspace");
                assert!(all.contains(&key), "{key} is named by a row and not there");
            }
        }
        // Nothing of this one was left: it is drawn anew.
        let state: (String, Option<String>, i64) = query(
            "select i.state, i.file, r.total - r.made from invitations as i join invitation_runs as r \
             on r.id = i.run_id where i.id = $1",
        )
        .bind(self.lost)
        .one(&self.db)
        .await
        .unwrap();
        assert_eq!(state, ("pending".to_owned(), None, 1));
        let jobs: Vec<(String, Json<serde_json::Value>)> =
            query("select kind, args from jobs").all(&self.db).await.unwrap();
        assert_eq!(jobs.len(), 1, "{jobs:?}");
        assert_eq!(
            (jobs[0].0.as_str(), &jobs[0].1.0["invitation_id"]),
            ("invitation.render", &self.lost.to_string().into())
        );
    }

    /// Every file that the agency's rows name.
    async fn named(&self, agency: Uuid) -> Vec<String> {
        let of = |sql: &'static str| query(sql).bind(agency);
        let mut named = Vec::new();
        let invitations: Vec<(Option<String>, Option<String>, Option<String>)> =
            of("select portrait, rendering, file from invitations where workspace_id = $1")
                .all(&self.db)
                .await
                .unwrap();
        named.extend(invitations.into_iter().flat_map(|(one, two, three)| [one, two, three]).flatten());
        let pictures: Vec<(String,)> =
            of("select picture from contacts where workspace_id = $1").all(&self.db).await.unwrap();
        named.extend(pictures.into_iter().map(|(picture,)| picture.strip_prefix("store:").unwrap().to_owned()));
        let templates: Vec<(Json<BTreeMap<String, String>>,)> =
            of("select files from templates where workspace_id = $1").all(&self.db).await.unwrap();
        named.extend(templates.into_iter().flat_map(|(files,)| files.0.into_values()));
        let runs: Vec<(Uuid, Json<RunSource>)> =
            of("select id, source from invitation_runs where workspace_id = $1").all(&self.db).await.unwrap();
        for (id, source) in runs {
            let RunSource::Csv { key, pictures, .. } = source.0 else { panic!("they had lists") };
            named.push(key);
            named.extend(pictures.into_values());
            named.push(Key::results(agency, id).into());
        }
        named
    }
}

async fn every_link_leads_to_its_own_guest_after_the_move(database: &TestDatabase) {
    let old = Old::in_folder(database).await;
    // The second agency wrote over the first.
    assert_eq!(old.check().await, GUESTS);
    let moved = domain::move_files(&old.db, &old.files, true).await.unwrap();
    assert_eq!((moved.restored, moved.redrawn), (GUESTS - 1, 1));
    old.check_moved().await;
    assert_eq!(domain::move_files(&old.db, &old.files, true).await.unwrap(), domain::Moved::default());
    old.check_moved().await;
}

async fn the_move_can_be_killed_anywhere_and_begun_again(database: &TestDatabase) {
    let old = Old::in_folder(database).await;
    let (mut kills, mut wakes) = (0, 1);
    loop {
        // Dropped where it waits for the `wakes`th time: what a kill leaves, but for what the disk had not been told.
        let mut moving = pin!(domain::move_files(&old.db, &old.files, true));
        let mut left = wakes;
        let ended = poll_fn(|context| {
            if left == 0 {
                return Poll::Ready(None);
            }
            left -= 1;
            moving.as_mut().poll(context).map(Some)
        });
        if let Some(result) = ended.await {
            result.unwrap();
            break;
        }
        kills += 1;
        wakes += 1 + wakes / 12;
        old.check().await;
    }
    assert!(kills > 15, "it was killed {kills} times");
    old.check_moved().await;
}

async fn a_store_that_fails_at_any_call_is_no_loss(database: &TestDatabase) {
    let old = Old::in_bucket(database).await;
    let At::Bucket(server, _) = &old.at else { unreachable!() };
    // An answer that is lost on the way is asked for again by the store itself; a refusal ends the move.
    for (lost, refused) in [
        (None, S3Call::Head),
        (None, S3Call::Get),
        (Some(S3Call::Get), S3Call::Copy),
        (None, S3Call::List),
        (Some(S3Call::Copy), S3Call::Delete),
    ] {
        lost.into_iter().for_each(|call| server.fail(call, S3Fault::LostAnswer, 1));
        server.fail(refused, S3Fault::Denied, 1);
        assert!(domain::move_files(&old.db, &old.files, true).await.is_err());
        assert_eq!(server.faults_left(), 0);
        old.check().await;
    }
    for call in [S3Call::Head, S3Call::List, S3Call::Delete] {
        server.fail(call, S3Fault::LostAnswer, 1);
    }
    domain::move_files(&old.db, &old.files, true).await.unwrap();
    assert_eq!(server.faults_left(), 0);
    old.check_moved().await;
}

async fn two_processes_may_move_at_once(database: &TestDatabase) {
    let old = Old::in_folder(database).await;
    let other = database.connect(Clock::system(), Ids::random()).await;
    let (one, two) =
        tokio::join!(domain::move_files(&old.db, &old.files, true), domain::move_files(&other, &old.files, true));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!((one.restored + two.restored, one.redrawn + two.redrawn), (GUESTS - 1, 1));
    old.check_moved().await;
}

async fn an_empty_store_is_no_reason_to_draw_everything_anew(database: &TestDatabase) {
    let old = Old::in_folder(database).await;
    let At::Folder(folder) = &old.at else { unreachable!() };
    let (files, away): (PathBuf, PathBuf) = (folder.path().join("files"), folder.path().join("away"));
    std::fs::rename(&files, &away).unwrap();
    std::fs::create_dir(&files).unwrap();
    let refused = domain::move_files(&old.db, &old.files, true).await.unwrap_err();
    assert!(matches!(refused, MoveError::Empty(_)) && refused.to_string().contains("mounted"), "{refused}");
    std::fs::remove_dir(&files).unwrap();
    std::fs::rename(&away, &files).unwrap();
    domain::move_files(&old.db, &old.files, true).await.unwrap();
    old.check_moved().await;
}

async fn while_an_earlier_version_may_run_old_files_stay_for_a_day(database: &TestDatabase) {
    let old = Old::in_folder(database).await;
    domain::move_files(&old.db, &old.files, false).await.unwrap();
    assert_eq!(old.check().await, 2 * GUESTS - 1);
    // An earlier version's worker ends a job as it always did.
    let id = *old.drawn.keys().next_back().unwrap();
    old.put("invitations/gala/0.jpg", old.drawn[&id].clone()).await;
    ground::run_sql(&old.db, &format!("update invitations set file = 'invitations/gala/0.jpg' where id = '{id}'"))
        .await;
    domain::move_files(&old.db, &old.files, false).await.unwrap();
    assert!(domain::has_old_files(&old.db).await.unwrap());
    old.db.clock().advance(std::time::Duration::from_secs(86_400));
    domain::move_files(&old.db, &old.files, false).await.unwrap();
    old.check_moved().await;
}

async fn a_new_database_has_nothing_to_move(database: &TestDatabase) {
    assert!(!domain::has_old_files(&database.db).await.unwrap());
}
