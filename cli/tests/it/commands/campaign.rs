//! `herald campaign`: alone on a data folder, and beside a running service.

use serde_json::json;

use super::up::Service;
use crate::{
    http::post_json,
    stage::{Stage, end},
};

const BELOW: &str = "/compat/marketing/api";
const NOBODY: &str = "01900000-0000-7000-8000-000000000000";

/// Makes a contact with a tag.
fn person(service: &Service, token: &str, name: &str, email: &str) {
    let person = json!({ "name": name, "email": email, "tags": ["vip"] });
    let made = post_json(&service.address, &format!("{BELOW}/customers"), token, &person);
    assert_eq!(made.status, 201, "{}", made.json());
}

/// Makes a campaign to those with the tag, and returns its id.
fn campaign(service: &Service, token: &str, name: &str) -> String {
    let campaign = json!({ "name": name, "content": "Hello {{ name }}", "tags": ["vip"] });
    let made = post_json(&service.address, &format!("{BELOW}/campaigns"), token, &campaign);
    assert_eq!(made.status, 201, "{}", made.json());
    made.json()["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_campaign_is_approved_and_sent_by_commands_alone() {
    let stage = Stage::new();
    end(stage.herald(&["campaign", "send", "--campaign-id", NOBODY]))
        .refused("data does not contain herald.db: name the data folder with --data");
    let service = Service::start(&stage);
    let token = service.token().unwrap().to_owned();
    person(&service, &token, "Ann Example", "ann@example.com");
    person(&service, &token, "Bo Example", "bo@example.com");
    let id = campaign(&service, &token, "Spring");
    assert_eq!(service.stop(), Some(0));

    let act = |act: &str| end(stage.herald(&["campaign", act, &id]));
    let send = |more: &[&str]| {
        let mut command = stage.herald(&["campaign", "send", "--campaign-id", &id]);
        command.args(more);
        end(command)
    };
    send(&[]).with_error("the campaign is draft: it can be sent while it is approved or scheduled");
    let listed = end(stage.herald(&["campaign", "list"])).with(0);
    assert!(
        listed.out.starts_with(&id) && listed.out.contains("draft") && listed.out.contains("0/0  Spring"),
        "{}",
        listed.out
    );
    assert_eq!(act("submit").with(0).out, "the campaign Spring is in review\n");
    assert_eq!(act("approve").with(0).out, "the campaign Spring is approved\n");
    act("pause").refused("the campaign is approved: it can be paused while it is sending");
    let sent = send(&["--json"]).with(0).summary();
    assert_eq!((&sent["state"], &sent["counts"]["sent"], &sent["failures"]), (&json!("sent"), &json!(2), &json!([])));
    assert_eq!(stage.files("outbox").len(), 2);
    send(&[]).with(2);
    assert_eq!(stage.files("outbox").len(), 2);
    let shown = act("show").with(0);
    assert!(shown.out.contains("2 of 2 sent") && shown.out.contains("approved"), "{}", shown.out);
    let shown = end(stage.herald(&["campaign", "show", &id, "--json"])).with(0).events();
    assert_eq!(shown[0]["log"][0]["kind"], "sent");
    let log = end(stage.herald(&["audit"])).with(0);
    assert!(log.out.contains("campaign.approve") && log.out.contains("campaign.send"), "{}", log.out);

    let missing = format!("there is no campaign {NOBODY} in this workspace: `herald campaign list` shows them");
    end(stage.herald(&["campaign", "show", NOBODY])).refused(&missing);
    end(stage.herald(&["campaign", "cancel", NOBODY])).refused(&missing);
    end(stage.herald(&["campaign", "list", "--workspace", "north"]))
        .refused("there is no workspace \"north\": give its short name, as its address has it");
}

#[test]
fn beside_a_service_the_command_waits_until_the_service_has_sent_it() {
    let stage = Stage::new();
    let service = Service::start(&stage);
    let token = service.token().unwrap().to_owned();
    person(&service, &token, "Ann Example", "ann@example.com");
    let id = campaign(&service, &token, "Summer");
    for act in ["submit", "approve"] {
        end(stage.herald(&["campaign", act, &id])).with(0);
    }
    let sent = end(stage.herald(&["campaign", "send", "--campaign-id", &id])).with(0);
    assert_eq!(sent.out, "the campaign Summer is sent: 1 of 1 sent\n");
    assert!(sent.err.contains("other processes of Herald send it"), "{}", sent.err);
    assert_eq!(stage.files("outbox").len(), 1);
    assert_eq!(service.stop(), Some(0));
}
