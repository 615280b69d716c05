//! Checks of runs: what they find is what the run then does, and they leave nothing.

use futures::TryStreamExt;
use herald_invitations as domain;
use herald_providers::files::{Area, folder};
use herald_tests::{App, TestDatabase, app::Work, fakes::FakeMautic, on_both_engines, wait_until};
use herald_worker::runner::QueueShare;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Form, Service, service::BACKGROUND};

on_both_engines! {
    a_check_finds_what_the_run_then_does,
    samples_show_the_portraits_that_were_uploaded,
    a_check_looks_at_the_first_guests_in_mautic,
    a_check_goes_with_its_files_and_leaves_those_of_its_run,
    what_no_run_could_work_with_is_refused_by_the_check,
}

const CHECKS: &str = "/api/v1/invitation-runs/checks";
const RUNS: &str = "/api/v1/invitation-runs";
/// Two guests with a remark or none, and three rows that are left out.
const LIST: &str = "name,table,e-mail,shoe size\nAna Example,1,ana@example.com,38\n,2,bo@example.com,40\n\
                    Ana Example,1,ana@example.com,38\nCy Example,3,not an address,42\nToo,many,cells,here,and here\n";

fn queues() -> Vec<QueueShare> {
    vec![QueueShare::new("control", 1), QueueShare::new("cpu", 2), QueueShare::new("sync", 1)]
}

fn lines(flaws: &Value) -> Vec<u64> {
    flaws.as_array().unwrap().iter().map(|flaw| flaw["line"].as_u64().unwrap()).collect()
}

async fn a_check_finds_what_the_run_then_does(database: &TestDatabase) {
    let service = Service::start(database).await;
    // The run is complete before its table is written.
    service.leaves(&["check.forget", "invitation.summary"]);
    let process = service.work(Work::on(queues(), service.handlers()));
    service.template().await;
    let made = service.post_form(CHECKS, Form::of("Gala", "gala", LIST)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let check = made.json();
    assert_eq!(
        (&check["guests"], &check["rejected"], &check["remarked"]),
        (&json!(2), &json!(3), &json!(1)),
        "{check}"
    );
    assert_eq!(check["is_new_event"], true);
    assert_eq!(service.get(RUNS).await.json()["items"], json!([]), "a check starts nothing");
    assert_eq!(lines(&check["problems"]), [3, 4, 6]);
    assert_eq!(check["problems"][0]["message"], "the guest has no name; fill it in");
    assert_eq!((&check["problems"][0]["column"], &check["problems"][0]["header"]), (&json!(1), &json!("name")));
    let columns: Vec<_> = check["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| (column["field"].as_str().unwrap(), column["is_used"].as_bool().unwrap()))
        .collect();
    assert_eq!(columns, [("name", true), ("table", true), ("email", true), ("shoe_size", false)]);
    let samples = check["samples"].as_array().unwrap();
    assert_eq!(samples.len(), 2);
    assert!(samples.iter().all(|sample| sample["is_drawn"] == true && sample["fault"] == Value::Null), "{check}");
    let address = made.header("location").to_owned();
    let whole = service.get(&format!("{address}/samples/1")).await;
    let small = service.get(&format!("{address}/samples/1?width=100")).await;
    assert_eq!((whole.status, small.status), (StatusCode::OK, StatusCode::OK));
    assert!(small.body.len() < whole.body.len() && small.body.starts_with(b"\xff\xd8"));
    service.get(&format!("{address}/samples/3")).await.problem(404, "not-found");

    let started = service.post(&format!("{address}/start")).await;
    assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.text());
    let run = format!("{RUNS}/{}", started.json()["id"].as_str().unwrap());
    wait_until("the run has ended", async || service.get(&run).await.json()["state"] == "complete").await;
    let done = service.get(&run).await.json();
    assert_eq!((&done["total"], &done["rejected"], &done["made"]), (&check["guests"], &check["rejected"], &json!(2)));
    let fatal: Vec<Value> =
        done["problems"].as_array().unwrap().iter().filter(|row| row["fatal"] == true).cloned().collect();
    assert_eq!(lines(&json!(fatal)), lines(&check["problems"]));
    for (row, flaw) in fatal.iter().zip(check["problems"].as_array().unwrap()) {
        let message = flaw["message"].as_str().unwrap();
        assert!(row["message"].as_str().unwrap().ends_with(message), "{row} is not {flaw}");
    }
    // A check starts one run.
    let again = service.post(&format!("{address}/start")).await.json();
    assert_eq!((&again["id"], &again["resumed"]), (&done["id"], &json!(true)));
    process.stop().await;
}

async fn samples_show_the_portraits_that_were_uploaded(database: &TestDatabase) {
    const FACE: &[u8] = include_bytes!("../../../../examples/pictures/amelie.jpg");
    const SLOT: &str = "\n[[slot]]\nname = \"face\"\nkind = \"picture\"\nbox = [150, 80, 100, 100]\n";
    let service = Service::start(database).await;
    service.leaves(&["check.forget"]);
    let process = service.work(Work::on(queues(), service.handlers()));
    let manifest = format!("{}{SLOT}", super::service::MANIFEST);
    let form = Form::default().file("files", "template.toml", manifest);
    let made = service.post_form("/api/v1/templates", form.file("files", "back.png", BACKGROUND)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let list = "name,table,picture\nAna,1,ana.jpg\nBo,1,bo.png\nCy,1,cy.jpg\nDi,1,https://example.com/di.jpg\nEd,1,\n";
    let check = async |policy: &str| {
        let form = Form::of("Gala", "gala", list).text("on_bad_picture", policy);
        let form = form.file("pictures", "ana.jpg", FACE).file("pictures", "bo.png", BACKGROUND);
        let made = service.post_form(CHECKS, form).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
        made.json()
    };
    let drawing = async |check: &Value, number: usize| {
        service.get(&format!("{CHECKS}/{}/samples/{number}", check["id"].as_str().unwrap())).await.body
    };
    let lenient = check("avatar").await;
    let notes = |at: usize| lenient["samples"][at]["notes"].to_string();
    assert!(lenient["samples"].as_array().unwrap().iter().all(|sample| sample["is_drawn"] == true), "{lenient}");
    assert_eq!(lenient["samples"][0]["notes"], json!([]));
    assert!(notes(1).contains("picture \\\"bo.png\\\": no face was found in it"), "{}", notes(1));
    assert!(notes(2).contains("was not uploaded with the list"), "{}", notes(2));
    assert!(notes(3).contains("is fetched when the run has started"), "{}", notes(3));
    assert_eq!(lenient["samples"][4]["notes"], json!([]));
    // Nobody's portrait is in another's drawing: only Ana's has the colours of her picture.
    let colours = |drawn: &[u8]| {
        let picture = image::load_from_memory(drawn).unwrap().to_rgb8();
        let face = image::imageops::crop_imm(&picture, 150, 80, 100, 100).to_image();
        face.pixels().collect::<std::collections::HashSet<_>>().len()
    };
    let (ana, ed) = (drawing(&lenient, 1).await, drawing(&lenient, 5).await);
    assert!(colours(&ana) > 2 * colours(&ed), "{} colours, of initials {}", colours(&ana), colours(&ed));

    let strict = check("fail").await;
    let faults: Vec<bool> =
        strict["samples"].as_array().unwrap().iter().map(|sample| sample["fault"].is_string()).collect();
    assert_eq!(faults, [false, true, true, false, false], "{strict}");
    assert!(strict["samples"][1]["fault"].as_str().unwrap().contains("no face was found"), "{strict}");
    process.stop().await;
}

async fn a_check_looks_at_the_first_guests_in_mautic(database: &TestDatabase) {
    let service = Service::start_on(App::on(database).mautic(), |_| {}).await;
    service.leaves(&["check.forget", "contacts.pull"]);
    let process = service.work(Work::on(queues()[1..2].to_vec(), service.handlers()));
    service.template().await;
    let mautic = service.mautic();
    mautic.add_field("table", "text", 64);
    let members: Vec<u64> = (1..=7)
        .map(|number| mautic.add_contact(&[("firstname", &format!("Guest {number}")), ("table", "4")]))
        .collect();
    mautic.add_segment("vip", &members[..2]);
    mautic.add_segment("all", &members);
    let connect = async |password: &str| {
        let account =
            json!({ "provider": "mautic", "url": mautic.url(), "user": FakeMautic::USER, "password": password });
        let request = service.request(Method::PUT, "/api/v1/connections/mautic").json(&account);
        let connected = super::Answer::to(request).await;
        assert!(connected.status.is_success(), "{}", connected.text());
    };
    connect(FakeMautic::PASSWORD).await;
    let check = async |segment: &str| {
        let source = json!({ "kind": "mautic", "segment": segment });
        service.post_json(CHECKS, json!({ "event": "Gala", "template": "gala", "source": source })).await
    };
    // A run would wait for a field to which it can write the link.
    let unready = check("vip").await.json();
    assert!(unready["notes"][0].as_str().unwrap().contains("invitation_link"), "{unready}");
    assert_eq!(unready["guests"], Value::Null);
    mautic.add_field("invitation_link", "text", 191);
    mautic.add_field("lucky_number", "text", 64);
    mautic.set_field(members[1], "invitation_link", "https://example.com/i/1");

    let few = check("vip").await;
    assert_eq!(few.status, StatusCode::CREATED, "{}", few.text());
    let few = few.json();
    // Who has a link is left as it is.
    let drawn = |check: &Value| check["samples"].as_array().unwrap().len();
    assert_eq!((&few["guests"], drawn(&few)), (&json!(1), 1), "{few}");
    assert_eq!(
        (&few["samples"][0]["name"], &few["samples"][0]["is_drawn"]),
        (&json!("Guest 1"), &json!(true)),
        "{few}"
    );
    assert_eq!(few["columns"], json!([{ "header": "table", "field": "table", "is_known": false, "is_used": true }]));
    let many = check("all").await.json();
    assert_eq!((&many["guests"], drawn(&many)), (&Value::Null, 5), "{many}");
    assert!(many["notes"][0].as_str().unwrap().contains("the first 5 guests"), "{many}");

    let missing = check("nobody").await;
    assert!(missing.problem(422, "invalid-field").contains("no segment \"nobody\""), "{}", missing.text());
    connect("not the password").await;
    let shut = check("vip").await.json();
    assert!(shut["notes"][0].as_str().unwrap().starts_with("Herald cannot look at the guests now: "), "{shut}");
    process.stop().await;
}

async fn a_check_goes_with_its_files_and_leaves_those_of_its_run(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["check.forget", "contacts.import"]);
    let process = service.work(Work::on(vec![QueueShare::new("cpu", 2)], service.handlers()));
    service.template().await;
    let made = service.post_form(CHECKS, Form::of("Gala", "gala", LIST)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let id = made.json()["id"].as_str().unwrap().parse().unwrap();
    let address = made.header("location").to_owned();
    let started = service.post(&format!("{address}/start")).await;
    assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.text());
    let count = async |area| {
        let listed: Vec<String> = service.files.list(&folder(service.workspace, area)).try_collect().await.unwrap();
        listed.len()
    };
    assert_eq!((count(Area::Checks).await, count(Area::Lists).await), (1, 1));
    domain::forget_check(&service.db, &service.files, service.workspace, id).await.unwrap();
    domain::forget_check(&service.db, &service.files, service.workspace, id).await.unwrap();
    assert_eq!((count(Area::Checks).await, count(Area::Previews).await, count(Area::Lists).await), (0, 0, 1));
    let gone = service.get(&address).await;
    assert!(gone.problem(404, "not-found").contains("check the list again"));
    service.post(&format!("{address}/start")).await.problem(404, "not-found");
    process.stop().await;
}

async fn what_no_run_could_work_with_is_refused_by_the_check(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.template().await;
    let refused = service.post_form(CHECKS, Form::of("Gala", "gala", "name\nAna Example\n")).await;
    assert!(refused.problem(422, "invalid-template").contains("table"));
    service.post_form(CHECKS, Form::of("..", "gala", LIST)).await.problem(422, "invalid-field");
    service.post_form(CHECKS, Form::of("Gala", "none", LIST)).await.problem(422, "invalid-field");
    service.post_form(CHECKS, Form::of("Gala", "gala", "")).await.problem(422, "invalid-list");
    service.get(&format!("{CHECKS}/{}", service.db.new_id())).await.problem(404, "not-found");
}
