//! The daily reports of leads: made by a job, listed, and downloaded.

use std::{
    io::{Cursor, Read},
    time::Duration,
};

use herald_app::jobs::ReportDailyLeads;
use herald_ledger::{Outcome, Payload};
use herald_tests::{TestDatabase, on_both_engines};
use herald_worker::runner::{Attempt, Failure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Answer, Service, worker};

on_both_engines! {
    a_day_becomes_a_workbook,
    a_day_is_one_of_its_zone,
    a_day_that_is_made_again_has_the_same_bytes,
    a_report_of_many_leads_has_all_of_them,
    a_day_is_told_as_csv_and_json_as_well,
    a_day_is_told_as_pdf_as_well,
    a_report_belongs_to_its_workspace,
}

const REPORTS: &str = "/api/v1/reports";

async fn lead(service: &Service, name: &str, need: &str) -> Value {
    let lead = json!({ "contact": { "name": name }, "lead": { "need": need, "value_minor": 250_050, "currency": "EUR",
        "source": "website", "follow_up_at": "2026-03-01T08:00" } });
    let made = service.post_json("/api/v1/leads", lead).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    made.json()
}

/// Orders a report and does the job. Returns its result, or why it is dead.
async fn report(service: &Service, args: Value) -> Result<Value, String> {
    let order = service.post_json("/api/v1/jobs", json!({ "kind": "report.daily_leads", "args": args })).await;
    assert_eq!(order.status, StatusCode::ACCEPTED, "{}", order.text());
    let job = worker::lease_next(service, "control").await;
    assert_eq!(job.kind, ReportDailyLeads::POLICY.name);
    let attempt = Attempt { job: job.clone(), cancelled: CancellationToken::new() };
    let (outcome, told) = match service.handlers()(attempt).await {
        Ok(done) => {
            let told = Ok(done.result.clone().unwrap());
            (Outcome::Done { result: done.result, changes: done.changes, then: done.then }, told)
        }
        Err(Failure::Fail(error)) => (Outcome::Dead { error: error.clone() }, Err(error)),
        Err(other) => panic!("{other:?}"),
    };
    worker::commit(service, job, outcome).await;
    told
}

/// The workbook of a report: its files by name.
async fn workbook(service: &Service, id: &Value) -> (Vec<u8>, impl Fn(&str) -> String) {
    let file = service.get(&format!("{REPORTS}/{}/file", id.as_str().unwrap())).await;
    assert_eq!(file.status, StatusCode::OK, "{}", file.text());
    let bytes = file.body.to_vec();
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes.clone())).unwrap();
    let mut parts = std::collections::BTreeMap::new();
    for name in ["xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml", "xl/charts/chart1.xml", "xl/workbook.xml"] {
        let mut text = String::new();
        if let Ok(mut part) = zip.by_name(name) {
            part.read_to_string(&mut text).unwrap();
        }
        parts.insert(name, text);
    }
    (bytes, move |name: &str| parts.get(name).cloned().unwrap_or_default())
}

async fn a_day_becomes_a_workbook(database: &TestDatabase) {
    let service = Service::start(database).await;
    lead(&service, "Amélie Example", "=1+1").await;
    lead(&service, "山田 太郎", "Dinner <for> 40").await;
    let told = report(&service, json!({ "day": "today", "time_zone": "Europe/Madrid" })).await.unwrap();
    assert_eq!((&told["name"], &told["leads"]), (&json!("daily_leads_2026-03-01_100000.xlsx"), &json!(2)));
    let listed = service.get(REPORTS).await.json();
    let one = &listed["items"][0];
    assert_eq!(
        (&one["id"], &one["day"], &one["time_zone"]),
        (&told["report_id"], &json!("2026-03-01"), &json!("Europe/Madrid"))
    );
    let file = service.get(&format!("{REPORTS}/{}/file", one["id"].as_str().unwrap())).await;
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"daily_leads_2026-03-01_100000.xlsx\"");
    assert_eq!(one["bytes"], json!(file.body.len()));
    let (_, part) = workbook(&service, &one["id"]).await;
    let leads = part("xl/worksheets/sheet1.xml");
    for text in ["Amélie Example", "山田 太郎", "=1+1", "Dinner &lt;for&gt; 40", "<v>2500.5</v>", "website"] {
        assert!(leads.contains(text), "{text}: {leads}");
    }
    assert!(!leads.contains("<f>"), "a text is no formula");
    assert!(leads.contains("<autoFilter ref=\"A1:J3\"/>") && leads.contains("state=\"frozen\""), "{leads}");
    let due = part("xl/worksheets/sheet2.xml");
    assert!(due.contains("Amélie Example") && due.contains("<autoFilter ref=\"A1:J3\"/>"), "{due}");
    assert!(part("xl/charts/chart1.xml").contains("Leads by status"));
    assert!(part("xl/workbook.xml").contains("Totals"));
}

async fn a_day_is_told_as_csv_and_json_as_well(database: &TestDatabase) {
    let service = Service::start(database).await;
    lead(&service, "Amélie Example", "=1+1").await;
    let told = report(&service, json!({ "day": "today", "time_zone": "Europe/Madrid" })).await.unwrap();
    let file = |format: &str| format!("{REPORTS}/{}/file?format={format}", told["report_id"].as_str().unwrap());
    let csv = service.get(&file("csv")).await;
    assert_eq!(csv.header("content-disposition"), "attachment; filename=\"daily_leads_2026-03-01_100000.csv\"");
    let text = csv.text();
    let line = text.lines().nth(1).unwrap();
    assert_eq!(
        line,
        "\"2026-03-01T10:00:00+01:00\",\"Amélie Example\",\"\",\"\",\"'=1+1\",\"New\",\"2500.50\",\"EUR\",\
         \"website\",\"\""
    );
    let json = service.get(&file("json")).await.json();
    assert_eq!((&json["day"], &json["leads"][0]["value"]), (&json!("2026-03-01"), &json!("2500.50")));
    assert_eq!(json["follow_ups"][0]["follow_up"], "2026-03-01T09:00:00+01:00");
    service.get(&file("docx")).await.problem(422, "invalid-field");
}

async fn a_day_is_told_as_pdf_as_well(database: &TestDatabase) {
    let service = Service::start(database).await;
    for (name, need) in [("Amélie Example", "=1+1"), ("山田 太郎", "Dinner for 40"), ("ליאה דוגמה", "A party")]
    {
        lead(&service, name, need).await;
    }
    let told = report(&service, json!({ "day": "today", "time_zone": "Europe/Madrid" })).await.unwrap();
    let address = format!("{REPORTS}/{}/file?format=pdf", told["report_id"].as_str().unwrap());
    let file = service.get(&address).await;
    assert_eq!(file.status, StatusCode::OK, "{}", file.text());
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"daily_leads_2026-03-01_100000.pdf\"");
    assert_eq!(file.header("content-type"), "application/pdf");
    let read = lopdf::Document::load_mem(&file.body).unwrap();
    let text = read.extract_text(&[1]).unwrap();
    // A file has glyphs from left to right.
    let hebrew: String = "ליאה".chars().rev().collect();
    for wanted in ["Amélie Example", "山田 太郎", "=1+1", "2,500.50", "Leads of 1 March 2026", "By status", "09:00"]
    {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert!(text.contains(&hebrew), "{text}");
    assert!(text.contains("3 new leads · 3 follow-ups due · times of Europe/Madrid"), "{text}");
    service.db.clock().advance(Duration::from_secs(60));
    assert!(service.get(&address).await.body == file.body, "the same leads make the same bytes");
}

async fn a_day_is_one_of_its_zone(database: &TestDatabase) {
    let service = Service::start(database).await;
    // It is 9:00 in London. In Tokyo the day has six hours left.
    lead(&service, "In the day of both", "x").await;
    service.db.clock().advance(Duration::from_secs(6 * 3_600 - 1));
    lead(&service, "At 23:59:59 in Tokyo", "x").await;
    service.db.clock().advance(Duration::from_secs(1));
    lead(&service, "On the next day in Tokyo", "x").await;
    let of = async |zone: &str, day: &str| report(&service, json!({ "day": day, "time_zone": zone })).await;
    assert_eq!(of("Asia/Tokyo", "yesterday").await.unwrap()["leads"], 2);
    assert_eq!(of("Asia/Tokyo", "today").await.unwrap()["leads"], 1);
    assert_eq!(of("Europe/London", "2026-03-01").await.unwrap()["leads"], 3);
    assert_eq!(of("UTC", "2026-02-28").await.unwrap()["leads"], 0);
    assert!(of("Mars", "today").await.unwrap_err().contains("IANA"));
    assert!(of("UTC", "soon").await.unwrap_err().contains("2026-03-01"));
    let days = service.get(&format!("{REPORTS}?limit=2")).await.json();
    let listed: Vec<_> = days["items"].as_array().unwrap().iter().map(|one| one["day"].as_str().unwrap()).collect();
    assert_eq!(listed, ["2026-03-02", "2026-03-01"]);
    let next = days["next_cursor"].as_str().unwrap();
    let rest = service.get(&format!("{REPORTS}?limit=2&cursor={next}")).await.json();
    assert_eq!((&rest["items"][0]["day"], &rest["next_cursor"]), (&json!("2026-02-28"), &Value::Null));
}

async fn a_day_that_is_made_again_has_the_same_bytes(database: &TestDatabase) {
    let service = Service::start(database).await;
    lead(&service, "Ann Example", "x").await;
    let first = report(&service, json!({ "day": "2026-03-01" })).await.unwrap();
    let (bytes, _) = workbook(&service, &first["report_id"]).await;
    service.db.clock().advance(Duration::from_secs(3 * 86_400));
    let again = report(&service, json!({ "day": "2026-03-01" })).await.unwrap();
    assert_eq!(again["report_id"], first["report_id"], "a day has one report");
    assert!(workbook(&service, &again["report_id"]).await.0 == bytes);
    assert_eq!(service.get(REPORTS).await.json()["items"].as_array().unwrap().len(), 1);
}

async fn a_report_of_many_leads_has_all_of_them(database: &TestDatabase) {
    let service = Service::start(database).await;
    let made = lead(&service, "Ann Example", "x").await;
    // More than two pages, many of them of one instant.
    let sql =
        "insert into leads (id, workspace_id, contact_id, status_id, need, need_key, version, created_at, updated_at)
        select rows.id, l.workspace_id, l.contact_id, l.status_id, rows.need, rows.need, 1, l.created_at, l.created_at
        from {rows} join leads as l on l.id = rows.of where l.workspace_id = rows.workspace_id";
    let id: uuid::Uuid = made["id"].as_str().unwrap().parse().unwrap();
    let mut tx = service.db.begin().await.unwrap();
    herald_db::Bulk::new(sql)
        .column("id", (0..2_500).map(|_| tx.db().new_id()).collect())
        .column("of", (0..2_500).map(|_| id).collect())
        .column("workspace_id", (0..2_500).map(|_| service.workspace).collect())
        .column("need", (0..2_500).map(|number| format!("need {number}.")).collect())
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let told = report(&service, json!({ "day": "2026-03-01" })).await.unwrap();
    assert_eq!(told["leads"], 2_501);
    let (_, part) = workbook(&service, &told["report_id"]).await;
    let leads = part("xl/worksheets/sheet1.xml");
    assert!((0..2_500).all(|number| leads.matches(&format!("need {number}.")).count() == 1));
}

async fn a_report_belongs_to_its_workspace(database: &TestDatabase) {
    let service = Service::start(database).await;
    let told = report(&service, json!({ "day": "today" })).await.unwrap();
    let other = service.other_workspace().await;
    for address in ["", "/file"] {
        let path = format!("{REPORTS}/{}{address}", told["report_id"].as_str().unwrap());
        Answer::to(service.open(Method::GET, &path).bearer_auth(&other)).await.problem(404, "not-found");
        Answer::to(service.open(Method::GET, &path)).await.problem(401, "unauthorized");
    }
    let listed = Answer::to(service.open(Method::GET, REPORTS).bearer_auth(&other)).await.json();
    assert_eq!(listed["items"], json!([]));
}
