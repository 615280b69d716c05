//! Lists: people are imported, exported and reported while whoever does it is killed.
//!
//! What is counted is the contacts in the database, the rows of the finished files, and the report of the day.

use std::{
    collections::HashSet,
    fmt::Write as _,
    io::{Cursor, Read as _},
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{
    Options, Row,
    domain_work::{Work, hand_in_list, number, wait_for_end},
    world::World,
};

/// Rows of the list for each guest of the other scenarios.
const ROWS: usize = 20;
/// Leads of the day, each with a request of its own.
const LEADS: usize = 5;
/// The files that the contacts are exported to.
const FORMATS: [&str; 2] = ["csv", "xlsx"];

/// Plays it.
pub(super) fn measure(options: &Options, work: &Work, world: &mut World, row: &mut Row) -> Result<()> {
    let rows = options.guests * ROWS;
    // Rows of the list, rows of each export, and the report.
    row.jobs_in = rows + FORMATS.len() * (rows + LEADS) + 1;

    import(world, rows)?;
    work.kill_during_import(options, world, rows)?;

    for lead in 0..LEADS {
        let body = json!({
            "key": format!("lead {lead}"), "contact": { "name": format!("Lead Example {lead}") },
            "lead": { "need": "A dinner", "value_minor": 100, "currency": "EUR" },
        });
        world.client.insist_on("/api/v1/leads", "application/json", &body.to_string())?;
    }
    for format in FORMATS {
        let body = json!({ "what": "contacts", "format": format });
        world.client.insist("/api/v1/exports", &body.to_string())?;
    }
    let report = json!({ "kind": "report.daily_leads", "args": { "day": "today" }, "unique_key": "the day" });
    world.client.insist_on("/api/v1/jobs", "application/json", &report.to_string())?;
    for _ in 0..Work::kills(options) {
        world.pause(100);
        work.kill_one(world)?;
    }
    let last = Instant::now();
    wait_for_end(options, world)?;
    row.recovery = Some(last.elapsed());
    count(world, rows, row)
}

/// Hands the list in.
fn import(world: &World, rows: usize) -> Result<()> {
    let mut list = String::from("name,email,city\n");
    for row in 0..rows {
        writeln!(list, "Guest Example {row},guest.{row}@example.com,Example City")?;
    }
    hand_in_list(world, &[], &list)
}

/// Looks at what there is in the end.
fn count(world: &World, rows: usize, row: &mut Row) -> Result<()> {
    let number = |statement: &str| number(world, statement);
    let guests = number("select count(distinct email) from contacts where email like 'guest.%'")?;
    let all = number("select count(*) from contacts where email like 'guest.%'")?;
    row.done = guests;
    row.effects_twice = all - guests;
    ensure!(number("select created from imports")? == rows, "the import counted other rows than it took in");

    let exports: Value = serde_json::from_slice(&world.client.get("/api/v1/exports")?)?;
    for format in FORMATS {
        // A request that was repeated may have ordered a file twice.
        let export = exports["items"].as_array().and_then(|all| all.iter().find(|export| export["format"] == format));
        let export = export.with_context(|| format!("there is no export as {format}"))?;
        ensure!(export["state"] == "done", "an export has not ended well: {export}");
        let file = world.client.get(&format!("/api/v1/exports/{}/file", export["id"].as_str().unwrap_or_default()))?;
        ensure!(Some(file.len() as u64) == export["bytes"].as_u64(), "an export is cut off: {export}");
        let written = if format == "csv" { String::from_utf8(file)? } else { sheet(file)? };
        let written: Vec<&str> = written.split(if format == "csv" { "\n" } else { "<row " }).skip(1).collect();
        let written: Vec<&str> = written.into_iter().filter(|line| line.contains("Example")).collect();
        let different: HashSet<&str> = written.iter().copied().collect();
        row.done += different.len();
        row.effects_twice += written.len() - different.len();
    }
    row.done += number("select count(*) from reports")?;
    let reports: Value = serde_json::from_slice(&world.client.get("/api/v1/reports")?)?;
    ensure!(reports["items"][0]["leads"] == LEADS, "the report is {}", reports["items"][0]);
    let id = reports["items"][0]["id"].as_str().unwrap_or_default();
    let file = world.client.get(&format!("/api/v1/reports/{id}/file"))?;
    ensure!(Some(file.len() as u64) == reports["items"][0]["bytes"].as_u64(), "the report is cut off");
    Ok(())
}

/// The rows of a workbook's only sheet.
fn sheet(workbook: Vec<u8>) -> Result<String> {
    let mut workbook = zip::ZipArchive::new(Cursor::new(workbook))?;
    let mut rows = String::new();
    workbook.by_name("xl/worksheets/sheet1.xml")?.read_to_string(&mut rows)?;
    Ok(rows)
}
