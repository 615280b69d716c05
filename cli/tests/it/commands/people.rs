//! `users` and `keys`, and the example that signs up: what one makes opens the service, and what one takes back does
//! not.

use std::process::{Command, Stdio};

use serde_json::Value;

use super::up::Service;
use crate::stage::{Stage, end};

const SECRET: &str = "four words make sense\n";

#[test]
fn the_example_signs_up_and_starts_a_run_with_curl_alone() {
    let stage = Stage::new();
    let service = Service::start_with(&stage, |up| {
        up.env("HERALD__PEOPLE__OPEN_WORKSPACES", "true");
    });
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/sign-up.sh");
    let done = Command::new("bash")
        .args([example, &format!("http://{}", service.address), stage.path("data").to_str().unwrap()])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
    assert!(said.ends_with("it is complete\n"), "{said}");
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn a_person_is_added_seen_and_kept_out() {
    let stage = Stage::new();
    stage.write("password", SECRET);
    stage.write("weak", "password123\n");
    let add = |email: &str, file: &str| end(stage.herald(&["users", "add", email, "--admin", "--secret-file", file]));
    let weak = add("ann@example.com", "weak");
    assert_eq!(weak.code, Some(2));
    assert!(weak.err.contains("choose another password"), "{}", weak.err);
    let added = add("Ann@example.com", "password");
    assert_eq!(added.code, Some(0), "{}", added.err);
    assert!(!added.out.contains("four words"), "{}", added.out);
    assert!(add("ann@EXAMPLE.com", "password").err.contains("already has an account"));
    let list = || {
        let listed = end(stage.herald(&["users", "list", "--json"]));
        serde_json::from_str::<Value>(listed.out.trim()).unwrap()
    };
    assert_eq!((&list()["email"], &list()["platform_admin"]), (&"Ann@example.com".into(), &true.into()));
    assert_eq!(end(stage.herald(&["users", "deactivate", "ann@example.com"])).code, Some(0));
    assert_eq!(list()["state"], "deactivated");
    assert_eq!(end(stage.herald(&["users", "activate", "ann@example.com"])).code, Some(0));
    let unknown = end(stage.herald(&["users", "deactivate", "bob@example.com"]));
    assert_eq!(unknown.code, Some(2));
    let to_crm = ["users", "to-crm", "ann@example.com"];
    let none = end(stage.herald(&to_crm));
    assert!(none.code == Some(2) && none.err.contains("the settings name no CRM"), "{}", none.err);
    let mut with_crm = stage.herald(&to_crm);
    with_crm.env("HERALD__CRM__URL", "http://127.0.0.1:9").env("HERALD__CRM__TOKEN", "a token");
    let handed = end(with_crm);
    assert!(handed.code == Some(0) && handed.out.contains("agency's CRM"), "{}", handed.err);
    let audit = end(stage.herald(&["audit"])).out;
    for act in ["user.deactivate", "user.add", "user.to_crm"] {
        assert!(audit.contains(act), "{audit}");
    }
}

#[test]
fn a_key_opens_what_it_is_for_until_it_is_taken_back() {
    let stage = Stage::new();
    let service = Service::start(&stage);
    let make = ["keys", "make", "looks at jobs", "--role", "viewer", "--scope", "jobs:read", "--until", "2999-01-31"];
    let made = end(stage.herald(&make));
    let key = made.out.trim().rsplit(' ').next().unwrap().to_owned();
    assert_eq!(service.get("/api/v1/jobs", Some(&key)).status, 200, "{}", made.err);
    assert_eq!(service.get("/api/v1/templates", Some(&key)).status, 403);
    let listed = end(stage.herald(&["keys", "list"])).out;
    let line = listed.lines().find(|line| line.contains("looks at jobs")).unwrap();
    assert!(line.contains("jobs:read") && !listed.contains(&key), "{listed}");
    let id = line.split(' ').next().unwrap();
    assert_eq!(end(stage.herald(&["keys", "revoke", id])).code, Some(0));
    assert_eq!(service.get("/api/v1/jobs", Some(&key)).status, 401);
    let wrong = end(stage.herald(&["keys", "make", "x", "--scope", "jobs:everything"]));
    assert!(wrong.err.contains("invitation-runs:read"), "{}", wrong.err);
    assert!(end(stage.herald(&["keys", "rotate"])).out.contains("signs access tokens with the new key"));
    assert_eq!(service.stop(), Some(0));
}
