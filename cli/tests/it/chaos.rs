//! The process is killed again and again, and in the end every guest has exactly one invitation.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Write as _,
    path::Path,
    process::Child,
    time::{Duration, Instant},
};

use herald_base::{clock::Clock, ids::Ids};
use herald_db::{Db, DbConfig, Json, query};
use herald_invitations::{RunSource, results};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use uuid::Uuid;

use crate::stage::{Stage, end};

const GUESTS: usize = 500;
/// Kills at a random moment after the start: they hit opening, importing and the first drawings.
const EARLY_KILLS: usize = 6;
/// Kills when a further share of the invitations lies there: they hit drawing, uploading and publishing.
const LATE_KILLS: usize = 18;
/// How often the late ones look.
const LOOK: Duration = Duration::from_millis(3);

struct Row {
    contact: String,
    state: String,
    lucky_number: String,
    link: String,
    portrait: Option<String>,
    rendering: Option<String>,
    file: Option<String>,
}

/// What must never change once it has been seen.
#[derive(Default)]
struct Seen {
    /// Contact → number and link.
    promised: HashMap<String, (String, String)>,
    /// Key → bytes.
    drawn: BTreeMap<String, Vec<u8>>,
}

#[tokio::test]
async fn a_run_killed_again_and_again_ends_with_one_invitation_for_each_guest() {
    let stage = Stage::new();
    let pictures = ["amelie.jpg", "omar.jpg", "mountains.jpg", "missing.jpg"];
    pictures[..3].iter().for_each(|name| stage.example_picture(name));
    let mut list = "name,email,id,picture\n".to_owned();
    for guest in 0..GUESTS {
        // Some of them share a picture, and so a portrait.
        let picture = if guest % 20 == 0 { pictures[guest / 20 % 4] } else { "" };
        writeln!(list, "Guest Example {guest},guest{guest}@example.com,G{guest},{picture}").unwrap();
    }
    stage.write("guests.csv", list);
    let seed = 20_261_121;
    let mut random = StdRng::seed_from_u64(seed);
    let mut seen = Seen::default();
    let mut kills = 0;

    for round in 0..EARLY_KILLS + LATE_KILLS {
        let mut child = stage.invite("guests.csv", &["--json"]).spawn().unwrap();
        let wait = Duration::from_millis(random.random_range(30..400));
        if round < EARLY_KILLS {
            std::thread::sleep(wait);
        } else {
            let share = (round - EARLY_KILLS + 1) * (GUESTS - 30) / LATE_KILLS;
            wait_for_invitations(&stage, &mut child, share);
            std::thread::sleep(wait / 20);
        }
        child.kill().unwrap();
        kills += usize::from(child.wait().unwrap().code().is_none());
        seen.look(&stage).await;
    }
    assert!(kills >= 20, "only {kills} runs were killed before they ended");

    let last = end(stage.invite("guests.csv", &["--json"])).with(0).summary();
    assert_eq!((&last["failed"], &last["rejected"], &last["cancelled"]), (&0.into(), &0.into(), &0.into()), "{last}");
    assert_eq!(last["made"].as_u64().unwrap() + last["already"].as_u64().unwrap(), GUESTS as u64, "{last}");
    let rows = seen.look(&stage).await;
    assert_eq!(rows.len(), GUESTS);
    assert!(rows.iter().all(|row| row.state.as_str() == "made"));
    assert_eq!(rows.iter().map(|row| &row.lucky_number).collect::<BTreeSet<_>>().len(), GUESTS);
    assert_eq!(stage.stored("invitations").len(), GUESTS);
    assert_eq!(stage.results().len(), GUESTS);
    no_orphans(&stage, &rows).await;

    let before = renderings(&stage);
    let again = end(stage.invite("guests.csv", &["--json"])).with(0).summary();
    assert_eq!((&again["made"], &again["already"]), (&0.into(), &GUESTS.into()), "{again}");
    assert_eq!(renderings(&stage), before, "a run with nothing to do drew something");
    let rows = seen.look(&stage).await;
    no_orphans(&stage, &rows).await;
}

/// Returns when so many invitations lie there, or the run has ended.
fn wait_for_invitations(stage: &Stage, child: &mut Child, share: usize) {
    let began = Instant::now();
    while stage.stored("invitations").len() < share && child.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < Duration::from_secs(60), "no {share} invitations after a minute");
        std::thread::sleep(LOOK);
    }
}

impl Seen {
    /// Holds what there is now to what was seen before, and remembers it.
    async fn look(&mut self, stage: &Stage) -> Vec<Row> {
        let db = copy(stage).await;
        let rows: Vec<Row> = match &db {
            Some((_, db)) if has_tables(db).await => rows(db).await,
            // Killed before the tables were there.
            _ => Vec::new(),
        };
        for row in &rows {
            let now = (row.lucky_number.clone(), row.link.clone());
            let promised = self.promised.entry(row.contact.clone()).or_insert_with(|| now.clone());
            assert_eq!(*promised, now, "the number or link of {} changed", row.contact);
        }
        assert!(rows.len() >= self.promised.len(), "an invitation was lost");
        for (key, path) in stage.stored("renderings").into_iter().filter(|(key, _)| !key.contains('#')) {
            let bytes = std::fs::read(path).unwrap();
            let drawn = self.drawn.entry(key.clone()).or_insert_with(|| bytes.clone());
            assert!(*drawn == bytes, "{key} was drawn again to other bytes");
        }
        rows
    }
}

/// The database as the killed process left it, without touching it: the next run must bring it in order by itself.
async fn copy(stage: &Stage) -> Option<(tempfile::TempDir, Db)> {
    let folder = tempfile::tempdir().unwrap();
    for file in ["herald.db", "herald.db-wal"] {
        let from = stage.path("data").join(file);
        if from.exists() {
            std::fs::copy(from, folder.path().join(file)).unwrap();
        }
    }
    let path = folder.path().join("herald.db");
    if !path.exists() {
        return None;
    }
    let db = Db::connect(&DbConfig::Sqlite { path }, Clock::system(), Ids::seeded(1)).await.unwrap();
    Some((folder, db))
}

async fn rows(db: &Db) -> Vec<Row> {
    type Columns = (String, String, String, String, Option<String>, Option<String>, Option<String>);
    let rows: Vec<Columns> = query(
        "select c.external_id, i.state, i.lucky_number, i.link, i.portrait, i.rendering, i.file
         from invitations as i join contacts as c on c.id = i.contact_id order by i.id",
    )
    .all(db)
    .await
    .unwrap();
    rows.into_iter()
        .map(|(contact, state, lucky_number, link, portrait, rendering, file)| Row {
            contact,
            state,
            lucky_number,
            link,
            portrait,
            rendering,
            file,
        })
        .collect()
}

async fn has_tables(db: &Db) -> bool {
    let (tables,): (i64,) =
        query("select count(*) from sqlite_master where name = 'invitations'").one(db).await.unwrap();
    tables == 1
}

/// Every file is one the database knows, every file the database knows is there, and no work is left.
async fn no_orphans(stage: &Stage, rows: &[Row]) {
    let (_folder, db) = copy(stage).await.unwrap();
    let mut known: BTreeSet<String> =
        rows.iter().flat_map(|row| [&row.portrait, &row.rendering, &row.file]).flatten().cloned().collect();
    let templates: Vec<(Json<BTreeMap<String, String>>,)> =
        query("select files from templates").all(&db).await.unwrap();
    known.extend(templates.into_iter().flat_map(|(files,)| files.0.into_values()));
    let runs: Vec<(Uuid, Uuid, Json<RunSource>)> =
        query("select id, workspace_id, source from invitation_runs").all(&db).await.unwrap();
    for (id, workspace_id, source) in runs {
        known.insert(results::key(workspace_id, id).into());
        if let RunSource::Csv { key, .. } = source.0 {
            known.insert(key);
        }
    }
    let there: BTreeSet<String> = stage.files("files").into_keys().collect();
    assert_eq!(there.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new(), "files nobody knows");
    let missing: Vec<&String> = known.difference(&there).filter(|key| !key.contains("/results/")).collect();
    assert_eq!(missing, Vec::<&String>::new(), "files that are gone");
    let kept: BTreeSet<String> = std::fs::read_dir(stage.path("data"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let expected = ["files", "herald.db", "herald.lock", "link.key", "results.csv", "secrets.key"].map(String::from);
    assert_eq!(kept, BTreeSet::from(expected), "the data folder's own files");
    let (duplicates,): (i64,) =
        query("select count(*) from jobs where kind = 'invitation.publish' and state <> 'succeeded'")
            .one(&db)
            .await
            .unwrap();
    assert_eq!(duplicates, 0);
}

/// Each drawing with what changes when it is written again.
fn renderings(stage: &Stage) -> BTreeMap<String, (u64, std::time::SystemTime)> {
    use std::os::unix::fs::MetadataExt;
    let facts = |path: &Path| {
        let facts = path.metadata().unwrap();
        (facts.ino(), facts.modified().unwrap())
    };
    stage.stored("renderings").into_iter().map(|(key, path)| (key, facts(&path))).collect()
}
