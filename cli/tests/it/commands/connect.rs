//! `connect` and `connections`: what is typed is kept sealed, tried at once and never shown, and what is wrong says
//! what to do.

use std::{
    io::{BufRead, BufReader},
    process::Command,
};

use herald_tests::{
    FakeS3,
    fakes::{FakeGoogle, FakeMautic},
};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::{
    http::ask,
    stage::{Ended, Stage, end, ended},
};

const S3_SECRET: &str = "the secret half of the key";

/// A stage beside the providers. They end with their runtime, so that is the last field.
struct Desk {
    stage: Stage,
    google: FakeGoogle,
    mautic: FakeMautic,
    s3: FakeS3,
    /// A Shared Drive that the service account may write to.
    folder: String,
    _runtime: Runtime,
}

impl Desk {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let (google, mautic, s3) =
            runtime.block_on(async { (FakeGoogle::start().await, FakeMautic::start().await, FakeS3::start().await) });
        let folder = google.add_shared_drive("Events", &[(FakeGoogle::SERVICE_ACCOUNT, "fileOrganizer")]);
        let stage = Stage::new();
        stage.write("key.json", google.service_account_key_json());
        stage.write("client.json", google.client_secret_json(&[]));
        stage.write("password", format!("{}\n", FakeMautic::PASSWORD));
        stage.write("secret", S3_SECRET);
        Self { stage, google, mautic, s3, folder, _runtime: runtime }
    }

    fn herald(&self, arguments: &[&str]) -> Command {
        let mut command = self.stage.herald(arguments);
        command.env("HERALD__GOOGLE__TOKEN_URL", self.google.token_uri());
        command.env("HERALD__GOOGLE__AUTH_URL", self.google.auth_uri());
        command.env("HERALD__GOOGLE__DRIVE_URL", self.google.drive());
        command.env("HERALD__GOOGLE__UPLOAD_URL", self.google.upload());
        command.env("HERALD__OUTSIDE__ALLOW_PRIVATE", "127.0.0.1");
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        end(self.herald(arguments))
    }

    fn connect_google(&self) -> Ended {
        self.run(&["connect", "google", "--service-account", "key.json", "--folder", &self.folder])
    }

    fn connect_mautic(&self, secret_file: &str) -> Ended {
        let url = self.mautic.url();
        self.run(&["connect", "mautic", "--url", &url, "--user", FakeMautic::USER, "--secret-file", secret_file])
    }

    fn connect_s3(&self, access_key_id: &str) -> Ended {
        let endpoint = self.s3.endpoint();
        let bucket = ["connect", "s3", "--bucket", FakeS3::BUCKET, "--endpoint", &endpoint, "--allow-http"];
        self.run(&[bucket.as_slice(), &["--access-key-id", access_key_id, "--secret-file", "secret"]].concat())
    }

    /// What `connections list` says, a line each.
    fn listed(&self) -> String {
        self.run(&["connections", "list"]).with(0).out
    }
}

#[test]
fn what_is_typed_is_kept_sealed_and_never_shown() {
    let desk = Desk::new();
    let said = [
        desk.connect_google().with(0),
        desk.connect_mautic("password").with(0),
        desk.connect_s3(FakeS3::ACCESS_KEY_ID).with(0),
        desk.run(&["connections", "list"]).with(0),
        desk.run(&["connections", "list", "--json"]).with(0),
        desk.run(&["connections", "test", "s3"]).with(0),
        desk.run(&["doctor"]).with(0),
        desk.run(&["audit", "--json"]).with(0),
    ];
    assert!(said[0].out.contains("its credentials are encrypted with the key in data/secrets.key, which Herald has"));
    assert!(said[0].out.contains("  ok    the folder \"Events\" exists"), "{}", said[0].out);
    assert!(said[1].out.contains("/webhooks/mautic/"), "{}", said[1].out);
    let list = &said[3].out;
    for account in
        [FakeGoogle::SERVICE_ACCOUNT, &format!("{} as {}", desk.mautic.url(), FakeMautic::USER), "s3://guests/"]
    {
        assert!(list.lines().any(|line| line.contains(account) && line.ends_with("  ok")), "{account}\n{list}");
    }
    let key: Value = serde_json::from_str(&desk.google.service_account_key_json()).unwrap();
    let of_key = key["private_key"].as_str().unwrap().lines().nth(3).unwrap();
    let kept: Vec<u8> = ["herald.db", "herald.db-wal"]
        .into_iter()
        .flat_map(|name| std::fs::read(desk.stage.path("data").join(name)).unwrap_or_default())
        .collect();
    for secret in [of_key, FakeMautic::PASSWORD, S3_SECRET] {
        for said in &said {
            assert!(!said.out.contains(secret) && !said.err.contains(secret), "{}\n{}", said.out, said.err);
        }
        assert!(
            !kept.windows(secret.len()).any(|window| window == secret.as_bytes()),
            "a secret lies open on the disk"
        );
    }
    // What they wait in can be limited before the first run.
    desk.run(&["queues", "limit", "drive", "--rate", "300/m"]).with(0);
    let removed = desk.run(&["connections", "remove", "s3"]).with(0);
    assert_eq!(removed.out, "deleted the connection \"s3\" and its credentials\n");
    assert!(!desk.listed().contains("s3://"));
    desk.run(&["connections", "test", "s3"]).refused("there is no connection \"s3\": see `herald connections list`");
}

#[test]
fn a_file_that_is_not_the_right_one_says_which_is() {
    let desk = Desk::new();
    let mut key: Value = serde_json::from_str(&desk.google.service_account_key_json()).unwrap();
    key["client_email"] = Value::Null;
    desk.stage.write("half.json", key.to_string());
    desk.stage.write("person.json", r#"{"type": "authorized_user", "refresh_token": "1//secret"}"#);
    desk.stage.write("list.csv", "name\nAnn Example\n");
    for (option, file, says) in [
        ("--service-account", "client.json", "the file of an OAuth client, not a service account's key file"),
        ("--service-account", "person.json", "make a key (JSON) under IAM & Admin"),
        ("--service-account", "list.csv", "IAM & Admin, Service Accounts, Keys"),
        ("--service-account", "half.json", "the key file has no \"client_email\": download it again"),
        ("--service-account", "nowhere.json", "reading nowhere.json"),
        ("--client", "key.json", "a service account's key file, not the file of an OAuth client"),
        ("--client", "list.csv", "Credentials"),
    ] {
        let refused = desk.run(&["connect", "google", option, file]).with(2);
        assert!(refused.err.starts_with("error: ") && refused.err.contains(says), "{option} {file}: {}", refused.err);
        assert!(!refused.err.contains("secret\""), "{}", refused.err);
    }
    assert!(desk.listed().starts_with("there are no connections: create one with `herald connect google`"));
}

#[test]
fn what_is_missing_is_named() {
    let desk = Desk::new();
    desk.stage.write("empty", "\n");
    let mautic = ["connect", "mautic", "--url", "https://crm.example.com"];
    let user = [mautic.as_slice(), &["--user", "herald"]].concat();
    let s3 = ["connect", "s3", "--bucket", "guests", "--access-key-id", "ID", "--secret-file", "secret"];
    for (arguments, says) in [
        (["connect", "google"].as_slice(), "--service-account <FILE>"),
        (&mautic, "--user <USER>"),
        (&user, "give --secret-file FILE, or - for the standard input"),
        (&[user.as_slice(), &["--secret-file", "empty"]].concat(), "the password in Mautic is empty"),
        (
            &["connect", "mautic", "--url", "crm", "--user", "herald", "--secret-file", "password"],
            "https://crm.example.com",
        ),
        (
            &[s3.as_slice(), &["--endpoint", "http://store.example"]].concat(),
            "give --allow-http if you trust the network",
        ),
        (&["connect", "google", "--client", "client.json", "--subject", "ann@example.com"], "leave the subject out"),
    ] {
        let refused = desk.run(arguments).with(2);
        assert!(refused.err.contains(says), "{arguments:?}: {}", refused.err);
    }
    assert!(desk.listed().starts_with("there are no connections"));
}

#[test]
fn a_refused_password_is_told_and_kept_until_the_right_one_is_entered() {
    let desk = Desk::new();
    desk.stage.write("wrong", "not this one");
    let refused = desk.connect_mautic("wrong").with(1);
    let says = "the user or password is wrong: enter them again";
    assert!(refused.out.lines().any(|line| line.starts_with("  FAIL  ") && line.contains(says)), "{}", refused.out);
    assert!(!refused.out.contains("not this one"), "{}", refused.out);
    assert!(desk.listed().contains("needs a person: ") && desk.listed().contains(says), "{}", desk.listed());
    desk.connect_mautic("password").with(0);
    assert!(desk.listed().trim_end().ends_with("  ok"), "{}", desk.listed());
    let refused = desk.connect_s3("SOMEBODYELSE").with(1);
    assert!(refused.out.contains("access key"), "{}", refused.out);
}

#[test]
fn an_address_inside_is_refused_with_the_setting_that_allows_it() {
    let desk = Desk::new();
    let site = desk.mautic.url();
    let bucket = desk.s3.endpoint();
    for more in [
        ["mautic", "--url", &site, "--user", "herald", "--secret-file", "password"].as_slice(),
        &["mautic", "--url", "http://[::1]:8080/mautic", "--user", "herald", "--secret-file", "password"],
        &[
            "s3",
            "--bucket",
            "guests",
            "--endpoint",
            &bucket,
            "--allow-http",
            "--access-key-id",
            "I",
            "--secret-file",
            "secret",
        ],
    ] {
        let mut connect = desk.herald(&[["connect"].as_slice(), more].concat());
        connect.env_remove("HERALD__OUTSIDE__ALLOW_PRIVATE");
        let refused = end(connect).with(2);
        assert!(refused.err.contains("the setting outside.allow_private"), "{more:?}: {}", refused.err);
    }
    assert!(desk.listed().starts_with("there are no connections"));
    assert_eq!(desk.s3.headers().len(), 0);
}

#[test]
fn a_bucket_is_opened_with_the_key_that_was_typed_and_with_nothing_of_this_machine() {
    let desk = Desk::new();
    let endpoint = desk.s3.endpoint();
    let s3 = ["s3", "--bucket", FakeS3::BUCKET, "--endpoint", &endpoint, "--allow-http"];
    let key = ["--access-key-id", FakeS3::ACCESS_KEY_ID, "--secret-file", "secret"];
    let with_the_operators_identity = |arguments: &[&str]| {
        let mut command = desk.herald(arguments);
        for (name, value) in [
            ("AWS_ACCESS_KEY_ID", "OPERATORSKEY"),
            ("AWS_SECRET_ACCESS_KEY", "the operator's secret"),
            ("AWS_SESSION_TOKEN", "the-operators-token"),
            ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
            ("AWS_REGION", "operators-region-1"),
            ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/operator"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "secret"),
            ("AWS_ROLE_ARN", "arn:aws:iam::1:role/operator"),
            ("AWS_SKIP_SIGNATURE", "true"),
            ("AWS_ALLOW_HTTP", "true"),
            ("HTTP_PROXY", "http://127.0.0.1:9"),
        ] {
            command.env(name, value);
        }
        end(command)
    };
    with_the_operators_identity(&[["connect"].as_slice(), &s3, &key].concat()).with(0);
    with_the_operators_identity(&["connections", "test", "s3"]).with(0);
    let headers = desk.s3.headers();
    assert!(headers.len() >= 6, "each of two tests writes, reads and removes");
    for headers in &headers {
        let signed = headers["authorization"].to_str().unwrap();
        assert!(signed.contains(&format!("Credential={}/", FakeS3::ACCESS_KEY_ID)), "{signed}");
        assert!(signed.contains("/us-east-1/s3/"), "{signed}");
        assert!(headers.get("x-amz-security-token").is_none(), "{headers:?}");
        assert!(!format!("{headers:?}").to_lowercase().contains("operator"), "{headers:?}");
    }
    // Without a key of its own it would have to take this machine's.
    desk.stage.write("blank", " \n");
    for (id, secret, says) in [(" ", "secret", "access key"), ("ID", "blank", "secret key")] {
        let none =
            ["connect", "s3", "--name", "none", "--bucket", "guests", "--access-key-id", id, "--secret-file", secret];
        let refused = with_the_operators_identity(&none).with(2);
        assert!(refused.err.contains(says), "{}", refused.err);
    }
    assert_eq!(desk.s3.headers().len(), headers.len());
}

#[test]
fn a_site_that_is_away_is_no_reason_to_call_a_person() {
    let desk = Desk::new();
    desk.connect_mautic("password").with(0);
    desk.mautic.faults().down(true);
    let away = desk.run(&["connections", "test", "mautic"]).with(1);
    assert!(away.out.contains("  FAIL  Mautic "), "{}", away.out);
    assert!(desk.listed().trim_end().ends_with("  ok"), "{}", desk.listed());
}

#[test]
fn a_folder_is_named_by_its_id_or_its_address() {
    let desk = Desk::new();
    let address = format!("https://drive.google.com/drive/u/0/folders/{}?usp=sharing", desk.folder);
    let connected = desk.run(&["connect", "google", "--service-account", "key.json", "--folder", &address]).with(0);
    assert!(connected.out.contains("may write to it"), "{}", connected.out);
    for target in [&address, &desk.folder] {
        desk.run(&["connections", "test", "google", "--target", target]).with(0);
    }
    let other = "https://drive.google.com/drive/my-drive";
    let refused = desk.run(&["connections", "test", "google", "--target", other]).with(1);
    assert!(
        refused.out.contains("this is not a Drive folder: open the folder in a browser and copy its address"),
        "{}",
        refused.out
    );
    assert!(desk.listed().trim_end().ends_with("  ok"), "a folder of one run is nothing against the account");
}

/// The page that a browser comes to from an address; where it sends the browser on to.
fn sent_on(url: &str) -> Option<String> {
    let rest = url.strip_prefix("http://").unwrap();
    let (address, path) = rest.split_at(rest.find('/').unwrap());
    ask(address, "GET", path, None, None).headers.get("location").cloned()
}

#[test]
fn a_person_consents_in_a_browser_or_says_no() {
    let desk = Desk::new();
    for denies in [true, false] {
        desk.google.deny_consent(denies);
        let mut child = desk.herald(&["connect", "google", "--client", "client.json"]).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let page = lines.find(|line| line.starts_with("  http://")).expect("it says where to go");
        let back = sent_on(page.trim()).expect("the page sends the browser back");
        assert_eq!(sent_on(&back), None);
        let rest: String = lines.collect();
        if denies {
            let said = ended(child).with(2);
            assert!(said.err.contains("Google did not confirm your consent (access_denied)"), "{}", said.err);
        } else {
            ended(child).with(0);
            assert!(rest.contains(FakeGoogle::USER), "{rest}");
        }
    }
    assert!(desk.listed().contains(&format!("a person, through {}", FakeGoogle::CLIENT_ID)), "{}", desk.listed());
}
