//! The agency's CRM with the real program: the doctor asks it, and its people sign in.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use herald_tests::fakes::{FakeCrm, Fault, Place, demo};
use serde_json::{Value, json};

use super::up::Service;
use crate::stage::{Stage, end};

#[test]
fn the_doctor_asks_the_crm_and_says_what_is_wrong() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let crm = runtime.block_on(FakeCrm::start_at(&Place::default()));
    let stage = Stage::new();
    let doctor = |token: &str| {
        let mut doctor = stage.herald(&["doctor"]);
        doctor.env("HERALD__CRM__URL", crm.url()).env("HERALD__CRM__TOKEN", token);
        end(doctor).out
    };
    assert!(doctor(FakeCrm::TOKEN).contains("FAIL  the CRM lists no people"));
    demo::staff(&crm);
    let well = doctor(FakeCrm::TOKEN);
    assert!(
        well.contains("ok    the CRM lists its people") && well.contains("crm.webhook.secret is not set"),
        "{well}"
    );
    let stranger = doctor("another token");
    assert!(stranger.contains("check crm.token") && !stranger.contains("another token"), "{stranger}");
    crm.fail_next(FakeCrm::USERS, Fault::CutBefore, 1);
    assert!(doctor(FakeCrm::TOKEN).contains("FAIL  the CRM"), "a CRM that is away is told");
}

/// A request by curl: the answer's status and body.
fn curl(arguments: &[&str]) -> (u16, String) {
    let done =
        Command::new("curl").args(["--silent", "--write-out", "\n%{http_code}"]).args(arguments).output().unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    let (body, status) = said.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.to_owned())
}

#[test]
fn the_crms_people_sign_in_and_are_out_when_a_webhook_says_that_they_are_gone() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let crm = runtime.block_on(FakeCrm::start_at(&Place::default()));
    demo::staff(&crm);
    let stage = Stage::new();
    let service = Service::start_with(&stage, |up| {
        up.env("HERALD__CRM__URL", crm.url()).env("HERALD__CRM__TOKEN", FakeCrm::TOKEN);
        up.env("HERALD__CRM__WEBHOOK__SECRET", FakeCrm::SECRET).env("HERALD__CRM__ROLES__MANAGER", "agency");
    });
    let url = |path: &str| format!("http://{}{path}", service.address);
    let password = json!({ "email": demo::MANAGER, "password": demo::PASSWORD }).to_string();
    let login = || curl(&["--json", &password, &url("/api/v1/auth/login")]);
    let (status, tokens) = login();
    assert_eq!(status, 200, "{tokens}");
    let access = serde_json::from_str::<Value>(&tokens).unwrap()["access_token"].as_str().unwrap().to_owned();
    let seen = service.get("/api/v1/workspaces", Some(&access)).json();
    assert_eq!(seen["items"][0]["role"], "agency", "{seen}");
    // Gone there: a webhook, a job, and they are out.
    crm.change(1, None, None, Some(false));
    let webhook = crm.event("user_deleted", 1);
    let headers: Vec<String> = webhook.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let mut arguments: Vec<&str> = headers.iter().flat_map(|header| ["--header", header]).collect();
    let (body, place) = (String::from_utf8(webhook.body.to_vec()).unwrap(), url("/webhooks/crm"));
    arguments.extend(["--data-binary", &body, &place]);
    assert_eq!(curl(&arguments), (202, r#"{"duplicate":false}"#.to_owned()));
    let deadline = Instant::now() + Duration::from_secs(120);
    while service.get("/api/v1/me", Some(&access)).status != 401 {
        assert!(Instant::now() < deadline, "the session goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(login().0, 401);
    assert_eq!(service.stop(), Some(0));
}
