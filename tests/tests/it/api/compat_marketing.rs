//! The paths of the marketing backend, as its documents show them.

use herald_tests::{TestDatabase, on_both_engines};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Answer, Form, Service, worker};

on_both_engines! {
    customers_are_made_and_listed,
    a_list_is_uploaded_and_its_bad_rows_are_named,
    segments_have_filters_and_tags,
    refusals_have_the_texts_of_each_field,
}

const BELOW: &str = "/compat/marketing/api";

async fn get(service: &Service, path: &str) -> Value {
    let found = service.get(&format!("{BELOW}{path}")).await;
    assert_eq!(found.status, StatusCode::OK, "{}", found.text());
    found.json()
}

async fn customers_are_made_and_listed(database: &TestDatabase) {
    let service = Service::start(database).await;
    let cy = json!({ "name": "Cy Example", "email": "cy@example.com", "phone": "+12025550145", "tags": ["vip"],
        "language": "es", "company": "Example Ltd", "seats": 40 });
    let made = service.post_json(&format!("{BELOW}/customers"), cy.clone()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let made = made.json();
    assert_eq!((&made["language"], &made["tags"]), (&json!("es"), &json!(["vip"])));
    assert_eq!(made["attributes"], json!({ "company": "Example Ltd", "seats": "40" }));
    // The same person is not there twice.
    let again = service.post_json(&format!("{BELOW}/customers"), cy).await.json();
    assert_eq!(again["id"], made["id"]);
    let listed = get(&service, "/customers").await;
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["email"]), (1, &json!("cy@example.com")));
    // They are the same contacts as everywhere else.
    let contact = service.get(&format!("/api/v1/contacts/{}", made["id"].as_str().unwrap())).await.json();
    assert_eq!(contact["locale"], "es");
}

async fn a_list_is_uploaded_and_its_bad_rows_are_named(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.leaves(&["import.forget"]);
    let rows = "name,email,phone,tags\nDi Example,di@example.com,+12025550146,vip\nBad,not-an-address,,\n";
    let path = format!("{BELOW}/customers/upload");
    let upload = service.post_form(&path, Form::default().file("file", "c.csv", rows));
    let work = async {
        for kind in ["import.check", "import.run"] {
            let job = worker::lease_next(&service, "control").await;
            assert_eq!(job.kind, kind);
            let attempt = herald_worker::runner::Attempt { job: job.clone(), cancelled: Default::default() };
            let done = service.handlers()(attempt).await.unwrap();
            let (result, changes, then) = (done.result, done.changes, done.then);
            worker::commit(&service, job, herald_ledger::Outcome::Done { result, changes, then }).await;
        }
    };
    let (answer, ()) = tokio::join!(upload, work);
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let told = answer.json();
    assert_eq!((&told["status"], &told["created"]), (&json!("done"), &json!(1)));
    assert_eq!(told["errors"][0]["row"], 3);
    assert!(told["errors"][0]["error"].as_str().unwrap().contains("not-an-address"));
    let listed = get(&service, "/customers").await;
    assert_eq!((&listed[0]["name"], &listed[0]["tags"]), (&json!("Di Example"), &json!(["vip"])));
}

async fn segments_have_filters_and_tags(database: &TestDatabase) {
    let service = Service::start(database).await;
    let vip = json!({ "name": "VIP", "filters": { "language": "es" }, "tags": ["vip"] });
    let made = service.post_json(&format!("{BELOW}/segments"), vip).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let made = made.json();
    assert_eq!((&made["filters"], &made["tags"]), (&json!({ "language": "es" }), &json!(["vip"])));
    assert_eq!(get(&service, "/segments").await, json!([made]));
    let same = service.get(&format!("/api/v1/segments/{}", made["id"].as_str().unwrap())).await.json();
    assert_eq!(same["rule"]["all"][1], json!({ "tag": "vip" }));
}

async fn refusals_have_the_texts_of_each_field(database: &TestDatabase) {
    let service = Service::start(database).await;
    let refused = |answer: Answer, status: u16| {
        assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
        assert!(answer.json()["detail"].is_string(), "{}", answer.text());
        answer.json()
    };
    let wrong = json!({ "name": "Bo", "email": "nowhere" });
    let said = refused(service.post_json(&format!("{BELOW}/customers"), wrong).await, 400);
    assert!(said["email"][0].as_str().unwrap().contains("ann@example.com"), "{said}");
    let nameless = refused(service.post_json(&format!("{BELOW}/segments"), json!({ "tags": ["vip"] })).await, 400);
    assert!(nameless["name"][0].as_str().unwrap().contains("1 to 100"), "{nameless}");
    refused(Answer::to(service.open(Method::GET, &format!("{BELOW}/customers"))).await, 401);
    let upload = service.post_form(&format!("{BELOW}/customers/upload"), Form::default()).await;
    assert!(refused(upload, 400)["file"][0].as_str().unwrap().contains("attach the list"));
}
