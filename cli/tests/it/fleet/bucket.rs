//! A fleet whose files are in a bucket: no two of its processes share a folder.

use std::{fs::File, process::Command};

use herald_tests::{FakeS3, S3Call, S3Fault};

use super::{Fleet, Role};
use crate::{
    http::{ask, form},
    stage::{Ended, end},
};

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const OTHER_KEY: &str = "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// A fleet and its bucket.
struct Apart {
    fleet: Fleet,
    bucket: FakeS3,
}

impl Apart {
    fn new() -> Self {
        let fleet = Fleet::new();
        let bucket = fleet.runtime.block_on(FakeS3::start());
        Self { fleet, bucket }
    }

    /// A command in a folder of its own.
    fn herald(&self, name: &str, arguments: &[&str]) -> Command {
        let folder = self.fleet.stage.path(&format!("machine-{name}"));
        std::fs::create_dir_all(&folder).unwrap();
        let secret = folder.join("secret");
        std::fs::write(&secret, "a secret of the test\n").unwrap();
        let mut command = self.fleet.herald(arguments);
        command.current_dir(folder);
        command.env("HERALD__FILES__URL", format!("s3://{}/fleet", FakeS3::BUCKET));
        command.env("HERALD__FILES__ENDPOINT", self.bucket.endpoint());
        command.env("HERALD__FILES__ACCESS_KEY_ID", FakeS3::ACCESS_KEY_ID);
        command.env("HERALD__FILES__SECRET_KEY_FILE", secret);
        command.env("HERALD__FILES__ALLOW_HTTP", "true").env("HERALD__FILES__RETRY_SECONDS", "5");
        command.env("HERALD__LINKS__KEY", KEY);
        command
    }

    fn start(&self, name: &str, arguments: &[&str]) -> Role {
        let mut command = self.herald(name, arguments);
        command.stderr(File::create(self.fleet.stage.path(&format!("{name}.log"))).unwrap());
        Role(command.spawn().unwrap())
    }

    fn start_api(&self, name: &str) -> (Role, String) {
        let mut api = self.start(name, &["api", "--listen", "127.0.0.1:0"]);
        let address = api.address();
        (api, address)
    }

    fn links(&self) -> Vec<String> {
        let db = &self.fleet.database.as_ref().unwrap().db;
        let links = herald_db::query("select link from invitations order by lucky_number").all(db);
        self.fleet.runtime.block_on(links).unwrap().into_iter().map(|(link,): (String,)| link).collect()
    }
}

#[test]
fn a_fleet_that_shares_no_folder_makes_every_invitation_and_every_link_opens() {
    const GUESTS: usize = 60;
    let apart = Apart::new();
    let fleet = &apart.fleet;
    let rows: String = (0..GUESTS).map(|guest| format!("Guest Example {guest},guest{guest}@example.com\n")).collect();
    let (api, address) = apart.start_api("api-0");
    let body = form(&[
        ("event", None, b"gala"),
        ("template", None, b"Winter Gala"),
        ("guests", Some("guests.csv"), format!("name,email\n{rows}").as_bytes()),
    ]);
    let answer = ask(&address, "POST", "/api/v1/invitation-runs", Some(&fleet.token()), Some(&body));
    assert_eq!(answer.status, 202, "{}", answer.json());
    api.kill();

    // Storms that pass, while the work goes on.
    for (call, fault) in
        [(S3Call::Put, S3Fault::SlowDown), (S3Call::Get, S3Fault::CutBody), (S3Call::Copy, S3Fault::LostAnswer)]
    {
        apart.bucket.fail(call, fault, 6);
    }
    let made = || fleet.number("select count(*) from invitations where state = 'made'");
    let scheduler = apart.start("scheduler", &["scheduler"]);
    let first = apart.start("worker-0", &["worker"]);
    let queues = ["worker", "--queues", "cpu,sync=8,control", "--concurrency", "2"];
    let others = [apart.start("worker-1", &queues), apart.start("worker-2", &["worker"])];
    fleet.wait_until("some are made", || made() >= 10);
    first.kill();
    fleet.wait_until("the run is complete", || {
        fleet.number("select count(*) from invitation_runs where state = 'complete'") == 1
    });
    assert_eq!(made(), i64::try_from(GUESTS).unwrap());
    assert_eq!(fleet.number("select count(*) from jobs where state = 'dead'"), 0);

    // An api that has done nothing until now opens them all.
    let (api, address) = apart.start_api("api-1");
    let links = apart.links();
    assert_eq!(links.len(), GUESTS);
    for link in links {
        let path = link.strip_prefix("http://127.0.0.1:8080").unwrap();
        let answer = ask(&address, "GET", path, None, None);
        assert_eq!(answer.status, 200, "{link}");
        assert!(answer.body.starts_with(b"\xff\xd8\xff"), "it is the picture");
    }
    let invitations = apart
        .bucket
        .keys()
        .iter()
        .filter(|key| key.starts_with("fleet/workspaces/") && key.contains("/invitations/gala/"))
        .count();
    assert_eq!(invitations, GUESTS);
    for role in others.into_iter().chain([scheduler, api]) {
        assert_eq!(role.stop(), Some(0), "{}", fleet.logs());
    }
    for name in ["api-0", "worker-1", "worker-2", "scheduler"] {
        assert!(!fleet.stage.path(&format!("machine-{name}/data/files")).exists(), "{name} kept files at home");
        assert!(!fleet.stage.path(&format!("machine-{name}/data/link.key")).exists(), "{name} made a key of its own");
    }
}

#[test]
fn two_processes_with_different_keys_are_not_one_fleet() {
    let apart = Apart::new();
    end(apart.herald("one", &["migrate", "--accept-link-key"])).with(0);
    let mut other = apart.herald("two", &["worker"]);
    other.env("HERALD__LINKS__KEY", OTHER_KEY);
    let refused = end(other).with(2);
    for says in ["link key here", "differs from", "herald migrate --accept-link-key"] {
        assert!(refused.err.contains(says), "{says}: {}", refused.err);
    }
    assert!(!refused.err.contains(OTHER_KEY));
    let mut change = apart.herald("two", &["migrate", "--accept-link-key"]);
    change.env("HERALD__LINKS__KEY", format!("{OTHER_KEY} {KEY}"));
    assert!(end(change).with(0).out.contains("the link key is now "));
    assert!(end(apart.herald("one", &["worker"])).with(2).err.contains("link key here"));

    let mut none = apart.herald("three", &["api"]);
    none.env_remove("HERALD__LINKS__KEY");
    let refused = end(none).with(2);
    assert!(refused.err.contains("a fleet needs the settings links.key (the same for all"), "{}", refused.err);
}

#[test]
fn a_bucket_that_cannot_be_used_is_told_at_the_start() {
    let apart = Apart::new();
    for (variable, value, says) in [
        ("HERALD__FILES__ACCESS_KEY_ID", "ANOTHER", "does not know the access key: check files.access_key_id"),
        ("HERALD__FILES__URL", "s3://nowhere", "does not exist: make the bucket"),
        ("HERALD__FILES__ALLOW_HTTP", "false", "files.allow_http"),
        ("HERALD__FILES__SECRET_KEY_FILE", "", "files in a bucket also need the setting files.secret_key"),
    ] {
        let mut worker = apart.herald("worker", &["worker"]);
        worker.env(variable, value);
        let refused = end(worker).with(2);
        assert!(refused.err.contains(says), "{variable}: {}", refused.err);
    }
}

#[test]
fn the_doctor_looks_at_all_that_a_fleet_stands_on() {
    let apart = Apart::new();
    let doctor = |set: &[(&str, &str)]| -> Ended {
        let mut doctor = apart.herald("doctor", &["doctor"]);
        doctor.envs(set.iter().copied());
        end(doctor)
    };
    let lone = doctor(&[]).with(0);
    for says in [
        "  ok    the database (Postgres) answers",
        "  ok    Herald can write, read, copy, list and delete files in s3://guests/fleet/",
        "  ok    Redis answers (version ",
        "  ok    this machine's clock and the database's agree",
        "  note  no worker runs, so no job is done: start `herald worker`",
        "  note  no scheduler runs, so no job starts: start `herald scheduler`",
        "  note  no process has set the link key yet",
    ] {
        assert!(lone.out.contains(says), "{says}\n{}", lone.out);
    }
    assert!(apart.bucket.keys().is_empty(), "the doctor left files behind");

    let _worker = apart.start("worker", &["worker"]);
    let _scheduler = apart.start("scheduler", &["scheduler"]);
    apart.fleet.wait_until("the doctor sees both", || {
        let seen = doctor(&[]).out;
        seen.contains("  ok    workers: ") && seen.contains("  ok    schedulers: ")
    });
    assert!(doctor(&[]).with(0).out.contains("  ok    the link key is the same as the fleet's"));

    for (set, says) in [
        (
            ("HERALD__FILES__ACCESS_KEY_ID", "ANOTHER"),
            "  FAIL  a file cannot be written: s3://guests/fleet does not know the access key",
        ),
        (
            ("HERALD__FILES__URL", "s3://nowhere"),
            "  FAIL  a file cannot be written: s3://nowhere does not exist: make the bucket",
        ),
        (("HERALD__LINKS__KEY", OTHER_KEY), "  FAIL  the link key here"),
        (("HERALD__LINKS__KEY", ""), "  FAIL  a fleet with its files in a bucket needs links.key"),
        (("HERALD__REDIS__URL", "redis://127.0.0.1:1"), "  FAIL  Redis cannot be used"),
        (("HERALD__DATABASE__URL", "postgres://127.0.0.1:1/herald"), "  FAIL  the database cannot be opened"),
        (("HERALD__DATABASE__URL", ""), "  FAIL  a fleet needs a PostgreSQL database: set database.url"),
    ] {
        let told = doctor(&[set]).with(1);
        assert!(told.out.contains(says), "{says}\n{}", told.out);
        assert!(!told.out.contains(OTHER_KEY) && !told.out.contains("a secret of the test"));
    }
}
