//! Lists: people are imported, exported and reported while whoever does it is killed.
//!
//! What is counted is the contacts in the database, the rows of the finished files, and the report of the day.

use std::{
    collections::HashSet,
    fmt::Write as _,
    io::{Cursor, Read as _},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use rand::{RngExt, rngs::StdRng};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{
    Options, Row,
    servers::{Servers, until},
    world::{Ground, World},
};

/// One line of the table.
pub(super) struct Listing {
    pub(super) name: &'static str,
    ground: Ground,
    /// Whose processes are killed.
    role: &'static str,
}

/// Every one, in the order they are played.
pub(super) static LISTINGS: &[Listing] = &[
    Listing { name: "lists: workers killed at random", ground: Ground::Lists, role: "worker" },
    Listing { name: "lists, sqlite: process killed at random", ground: Ground::Up, role: "up" },
];

/// Rows of the list for each guest of the other scenarios.
const ROWS: usize = 20;
/// Leads of the day, each with a request of its own.
const LEADS: usize = 5;
/// The files that the contacts are exported to.
const FORMATS: [&str; 2] = ["csv", "xlsx"];

/// Plays one.
pub(super) fn play(
    options: &Options,
    listing: &Listing,
    tag: &str,
    servers: &Servers,
    runtime: &Arc<Runtime>,
    random: StdRng,
) -> Result<Row> {
    let mut row = Row::of(listing.name);
    let mut world = World::make(options, servers, runtime, tag, listing.ground, random)?;
    if let Err(error) = measure(options, listing, &mut world, &mut row) {
        row.error = Some(format!("{error:#}"));
    }
    row.alive = world.processes.all_alive();
    let restarts = world.processes.restarts();
    (row.killed, row.ended) = (restarts.ordered, restarts.own);
    if !row.holds() {
        world.keep_logs(&options.logs)?;
    }
    world.end()?;
    Ok(row)
}

fn measure(options: &Options, listing: &Listing, world: &mut World, row: &mut Row) -> Result<()> {
    let (rows, patience) = (options.guests * ROWS, Duration::from_secs(120 + options.guests as u64));
    let kills = if options.short { 3 } else { 12 };
    // Rows of the list, rows of each export, and the report.
    row.jobs_in = rows + FORMATS.len() * (rows + LEADS) + 1;

    import(world, rows)?;
    for kill in 0..kills {
        let share = rows * kill / kills;
        let far = format!("select count(*) from imports where cursor_row >= {share} and state <> 'checking'");
        until("so much of the list is taken in", patience, || Ok(world.count(&far) == Some(1)))?;
        kill_one(listing, world)?;
    }
    until("the list is taken in", patience, || {
        let failed = world.count("select count(*) from imports where state in ('failed', 'cancelled')");
        ensure!(failed != Some(1), "the import failed");
        Ok(world.count("select count(*) from imports where state = 'done'") == Some(1))
    })?;

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
    for _ in 0..kills {
        world.pause(100);
        kill_one(listing, world)?;
    }
    let last = Instant::now();
    // What is forgotten in a week or a month waits.
    let left = "select count(*) from jobs where state in ('ready', 'running') and kind not in ('import.forget', \
                'export.forget')";
    until("everything has ended", patience, || Ok(world.count(left) == Some(0)))?;
    row.recovery = Some(last.elapsed());
    count(world, rows, row)
}

/// Sends KILL to one of the processes, at a moment of chance.
fn kill_one(listing: &Listing, world: &mut World) -> Result<()> {
    let wait = world.random.random_range(0..150);
    world.pause(wait);
    let names = world.processes.names(listing.role);
    let name = names[world.random.random_range(0..names.len())].clone();
    world.processes.signal(&name, "KILL")
}

/// Hands the list in.
fn import(world: &World, rows: usize) -> Result<()> {
    let mut form = String::from(
        "--part\r\ncontent-disposition: form-data; name=\"starts_itself\"\r\n\r\ntrue\r\n--part\r\n\
         content-disposition: form-data; name=\"file\"; filename=\"people.csv\"\r\ncontent-type: text/csv\r\n\r\n\
         name,email,city\n",
    );
    for row in 0..rows {
        writeln!(form, "Guest Example {row},guest.{row}@example.com,Example City")?;
    }
    form.push_str("\r\n--part--\r\n");
    world.client.insist_on("/api/v1/imports", "multipart/form-data; boundary=part", &form).map(|_| ())
}

/// Looks at what there is in the end.
fn count(world: &World, rows: usize, row: &mut Row) -> Result<()> {
    let number = |statement: &str| {
        let counted = world.count(statement).context("the database cannot be asked")?;
        Ok::<_, anyhow::Error>(usize::try_from(counted)?)
    };
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
