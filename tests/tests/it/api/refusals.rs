//! Runs that are refused, and leave nothing behind.

use futures::TryStreamExt;
use herald_invitations as domain;
use herald_providers::files::{Area, folder};
use herald_tests::{TestDatabase, on_both_engines};
use reqwest::Method;
use serde_json::json;

use super::{Answer, Form, Service};

on_both_engines! {
    a_list_that_cannot_be_read_is_refused_with_its_place,
    a_field_no_guest_has_is_named_with_its_slot,
    wrong_fields_are_all_pointed_at,
    a_template_that_is_not_there_is_named_with_those_that_are,
    an_upload_over_the_limit_is_refused_however_it_is_sent,
    a_picture_over_the_limit_is_named,
    a_body_that_cannot_be_read_is_refused,
    a_nul_is_refused_wherever_it_comes,
}

const RUNS: &str = "/api/v1/invitation-runs";
const LIST: &str = "name,table\nAna Example,1\n";

/// Nothing of a refused upload was kept.
async fn assert_nothing_kept(service: &Service) {
    for area in [Area::Lists, Area::Pictures] {
        let kept: Vec<String> = service.files.list(&folder(service.workspace, area)).try_collect().await.unwrap();
        assert!(kept.is_empty(), "{kept:?}");
    }
    assert!(domain::list_runs(&service.db, service.workspace, None, None, 10).await.unwrap().is_empty());
    assert_eq!(service.get("/api/v1/jobs").await.json()["items"], json!([]));
}

async fn a_list_that_cannot_be_read_is_refused_with_its_place(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.template().await;
    type Case<'a> = (&'a [u8], &'a str, Option<u64>, Option<u64>);
    let cases: [Case<'_>; 6] = [
        (b"", "the file is empty", None, None),
        (b"name,table\n", "no guests", None, None),
        (b"PK\x03\x04 and so on", "the workbook is damaged", None, None),
        (b"name,table,table\nAna Example,1,2\n", "both called", None, Some(3)),
        (b"table,seat\n1,2\n", "no column holds the guests' names", None, None),
        (b"name,\"table\nAna Example,1\n", "never closed", Some(1), Some(2)),
    ];
    for (list, message, line, column) in cases {
        let form = Form::default()
            .text("event", "Gala")
            .text("template", "gala")
            .file("guests", "guests.csv", list)
            .file("pictures", "ana.jpg", b"picture");
        let refused = service.post_form(RUNS, form).await;
        let detail = refused.problem(422, "invalid-list");
        assert!(detail.contains(message), "{detail}");
        let error = &refused.json()["errors"][0];
        assert_eq!(error["pointer"], "/guests");
        assert_eq!((error["line"].as_u64(), error["column"].as_u64()), (line, column), "{detail}");
    }
    assert_nothing_kept(&service).await;
}

async fn a_field_no_guest_has_is_named_with_its_slot(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.template().await;
    let refused = service.post_form(RUNS, Form::of("Gala", "gala", "name,tables\nAna Example,1\n")).await;
    let detail = refused.problem(422, "invalid-template");
    assert!(detail.contains("no guest has a field \"table\"; did you mean \"tables\"?"), "{detail}");
    let error = &refused.json()["errors"][0];
    assert!(error["slot"].as_str().unwrap().contains("\"guest\""), "{error}");
    assert_eq!(error["line"], 7, "{error}");
    assert_nothing_kept(&service).await;
}

async fn wrong_fields_are_all_pointed_at(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.template().await;
    let form = Form::default()
        .file("guests", "guests.csv", LIST)
        .text("format", "gif")
        .text("refresh", "maybe")
        .text("limit", "many")
        .text("on_bad_picture", "skip")
        .text("colour", "red");
    let refused = service.post_form(RUNS, form).await;
    refused.problem(422, "invalid-field");
    let problem = refused.json();
    let pointers: Vec<&str> =
        problem["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/refresh", "/limit", "/on_bad_picture", "/colour", "/format", "/event", "/template"]);
    for (field, value) in [("number_digits", "13"), ("number_prefix", "a b"), ("event", "!!!")] {
        let form = Form::default().file("guests", "guests.csv", LIST).text("template", "gala").text("event", "Gala");
        let refused = service.post_form(RUNS, form.text(field, value)).await;
        refused.problem(422, "invalid-field");
        assert_eq!(refused.json()["errors"][0]["pointer"], format!("/{field}"));
    }
    let none = service.post_form(RUNS, Form::default().text("event", "Gala").text("template", "gala")).await;
    assert!(none.problem(422, "invalid-field").contains("guests is missing"));
    let two = Form::of("Gala", "gala", LIST).file("guests", "more.csv", LIST);
    assert!(service.post_form(RUNS, two).await.problem(422, "invalid-field").contains("two lists"));
    let twins = Form::of("Gala", "gala", LIST).file("pictures", "a.jpg", "1").file("pictures", "a.jpg", "2");
    assert!(service.post_form(RUNS, twins).await.problem(422, "invalid-field").contains("a.jpg"));
    assert_nothing_kept(&service).await;
}

async fn a_template_that_is_not_there_is_named_with_those_that_are(database: &TestDatabase) {
    let service = Service::start(database).await;
    let refused = service.post_form(RUNS, Form::of("Gala", "gala", LIST)).await;
    assert!(refused.problem(422, "invalid-field").contains("upload one"));
    service.template().await;
    let refused = service.post_form(RUNS, Form::of("Gala", "galla", LIST)).await;
    assert!(refused.problem(422, "invalid-field").contains("the templates are gala"));
    let refused = service.post_form(RUNS, Form::of("Gala", &service.db.new_id().to_string(), LIST)).await;
    assert_eq!(refused.json()["errors"][0]["pointer"], "/template");
    assert_nothing_kept(&service).await;
}

async fn an_upload_over_the_limit_is_refused_however_it_is_sent(database: &TestDatabase) {
    let service = Service::start_with(database, |settings| settings.http.max_upload_mb = 1).await;
    service.template().await;
    let list = format!("{LIST}{}", "Bo Example,2\n".repeat(100_000));
    let (media_type, body) = Form::of("Gala", "gala", &list).finish();
    let request = || service.request(Method::POST, RUNS).header("content-type", &media_type);
    let announced = Answer::to(request().body(body.clone())).await;
    assert!(announced.problem(413, "too-large").contains("larger than 1 MB"));
    // In pieces and without a length.
    let pieces: Vec<_> = body.chunks(64 << 10).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
    let pieces = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
    let streamed = Answer::to(request().body(pieces)).await;
    assert!(streamed.problem(413, "too-large").contains("larger than 1 MB"));
    let json = service.request(Method::POST, RUNS).header("content-type", "application/json");
    Answer::to(json.body(" ".repeat((1 << 20) + 1))).await.problem(413, "too-large");
    assert_nothing_kept(&service).await;
}

async fn a_picture_over_the_limit_is_named(database: &TestDatabase) {
    let service = Service::start_with(database, |settings| {
        settings.pictures.max_mb = 1;
        settings.import.max_mb = 1;
    })
    .await;
    service.template().await;
    let form = Form::of("Gala", "gala", LIST).file("pictures", "huge.jpg", vec![0; (1 << 20) + 1]);
    let detail = service.post_form(RUNS, form).await.problem(413, "too-large");
    assert!(detail.contains("huge.jpg") && detail.contains("pictures.max_mb"), "{detail}");
    let list = format!("{LIST}{}", "Bo Example,2\n".repeat(100_000));
    let detail = service.post_form(RUNS, Form::of("Gala", "gala", &list)).await.problem(413, "too-large");
    assert!(detail.contains("import.max_mb"), "{detail}");
    assert_nothing_kept(&service).await;
}

async fn a_body_that_cannot_be_read_is_refused(database: &TestDatabase) {
    let service = Service::start(database).await;
    let post = |media_type: &str, body: &str| {
        let request = service.request(Method::POST, RUNS).header("content-type", media_type);
        Answer::to(request.body(body.to_owned()))
    };
    post("text/csv", LIST).await.problem(415, "unsupported-media-type");
    post("application/json", "{\"event\":").await.problem(400, "invalid-request");
    post("multipart/form-data", "x").await.problem(400, "invalid-request");
    post("multipart/form-data; boundary=b", "--b\r\nContent-Dis").await.problem(400, "invalid-request");
    let unknown = post("application/json", "{\"evnt\": \"Gala\"}").await;
    assert!(unknown.problem(422, "invalid-field").contains("unknown field `evnt`"));
    assert_nothing_kept(&service).await;
}

/// PostgreSQL cannot keep one, and SQLite should not.
async fn a_nul_is_refused_wherever_it_comes(database: &TestDatabase) {
    let service = Service::start(database).await;
    service.template().await;
    let refused = |answer: Answer, pointer: &str| {
        assert!(answer.problem(422, "invalid-field").contains("NUL"), "{}", answer.text());
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer);
    };
    refused(service.get("/api/v1/jobs?limit=5&kind=a%00b").await, "/kind");
    refused(service.get("/api/v1/audit?who=%00").await, "/who");
    refused(service.post_form(RUNS, Form::of("Ga\0la", "gala", LIST)).await, "/event");
    let plan = json!({ "name": "a\0b", "cron": "@daily", "time_zone": "UTC", "kind": "probe.run", "args": {} });
    refused(service.post_json("/api/v1/schedules", plan).await, "/name");
    let plan =
        json!({ "name": "ab", "cron": "@daily", "time_zone": "UTC", "kind": "probe.run", "args": { "x": ["\0"] } });
    refused(service.post_json("/api/v1/schedules", plan).await, "/args/x/0");
    service.get("/api/v1/connections/a%00b").await.problem(404, "not-found");
    assert_nothing_kept(&service).await;
}
