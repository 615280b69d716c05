//! Lists of leads: leads are taken in with their people and notes, and taken back, while whoever does it is killed.
//!
//! What is counted is the leads, people and notes in the database. What the workspace had before the list, the API is
//! asked before it comes and after it is taken back.

use std::{fmt::Write as _, time::Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{
    Options, Row,
    domain_work::{Work, hand_in_list, number, wait_for_end},
    servers::until,
    world::World,
};

/// Rows of the list for each guest of the other scenarios. Two rows are of one person.
const ROWS: usize = 40;
/// One row of so many is refused.
const REFUSED: usize = 100;
/// Leads that the workspace has already, with a note each. The list changes them and their people.
const KNOWN: usize = 12;

/// Plays it.
pub(super) fn measure(options: &Options, work: &Work, world: &mut World, row: &mut Row) -> Result<()> {
    let rows = options.guests * ROWS;
    // The leads, their notes, and the people.
    row.jobs_in = 2 * (rows - rows / REFUSED) + rows / 2;
    for known in 0..KNOWN {
        make_known(world, known * (rows / 2) / KNOWN)?;
    }
    let before = Holdings::of(world)?;

    import(world, rows)?;
    work.kill_during_import(options, world, rows)?;
    count(world, rows, row)?;

    let last = undo(options, work, world)?;
    wait_for_end(options, world)?;
    row.recovery = Some(last.elapsed());
    let after = Holdings::of(world)?;
    ensure!(after.contacts == before.contacts, "the undoing did not give back the contacts: {}", after.contacts);
    ensure!(after.leads == before.leads, "the undoing did not give back the leads: {}", after.leads);
    ensure!(after.rows == before.rows, "the undoing left {:?} rows of {:?}", after.rows, before.rows);
    ensure!(number(world, "select kept from imports")? == 0, "the undoing kept something that nobody has changed");
    Ok(())
}

/// A lead that is there before the list, of the person of a row.
fn make_known(world: &World, person: usize) -> Result<()> {
    let lead = json!({
        "key": format!("known {person}"),
        "contact": { "name": format!("Guest Example {person}"), "email": format!("guest.{person}@example.com") },
        "lead": { "need": "Dinner", "value_minor": 5, "currency": "USD", "source": "website" },
    });
    let made = world.client.insist_on("/api/v1/leads", "application/json", &lead.to_string())?;
    let made: Value = serde_json::from_slice(&made)?;
    let id = made["id"].as_str().context("a lead without an id")?;
    world.client.insist(&format!("/api/v1/leads/{id}/notes"), &json!({ "text": "Known before" }).to_string())
}

/// Hands the list in.
fn import(world: &World, rows: usize) -> Result<()> {
    let mut list = String::from("name,email,phone,need,status,value,currency,source,note\n");
    for row in 0..rows {
        let (person, value) = (row / 2, row + 1);
        let need = if row % 2 == 0 { "Dinner" } else { "Lunch" };
        let status = if row % REFUSED == REFUSED - 1 { "Nowhere" } else { "" };
        let phone = 34_600_000_000_usize + person;
        writeln!(
            list,
            "Guest Example {person},guest.{person}@example.com,+{phone},{need},{status},{value},EUR,fair,Note {value}"
        )?;
    }
    hand_in_list(world, &[("what", "leads"), ("mode", "overwrite")], &list)
}

/// Looks at what there is when the list is taken in.
fn count(world: &World, rows: usize, row: &mut Row) -> Result<()> {
    let number = |statement: &str| number(world, statement);
    let of_list = "from leads as l join contacts as c on c.id = l.contact_id where c.email like 'guest.%'";
    let leads = number(&format!("select count(*) {of_list}"))?;
    let different = number(&format!("select count(*) from (select distinct c.email, l.need {of_list}) as d"))?;
    let people = number("select count(distinct email) from contacts")?;
    // Each note names the value of its lead.
    let notes = "from lead_notes as n join leads as l on l.id = n.lead_id where n.text like 'Note %'";
    let at_home = format!("select count(distinct n.text) {notes} and n.text = 'Note ' || (l.value_minor / 100)");
    let at_home = number(&at_home)?;
    row.done = different + people + at_home;
    row.effects_twice = (leads - different)
        + (number("select count(*) from contacts")? - people)
        + (number(&format!("select count(*) {notes}"))? - at_home);
    // The timelines tell of each once, too; of the known ones since before.
    let told = "select count(*) from activities where kind =";
    row.effects_twice += number(&format!("{told} 'lead.created'"))?.saturating_sub(leads)
        + number(&format!("{told} 'lead.note'"))?.saturating_sub(at_home + KNOWN);

    let refused = rows / REFUSED;
    let expected = [rows - refused - KNOWN, KNOWN, 0, 0, refused];
    for (name, expected) in ["created", "updated", "unchanged", "skipped", "refused"].iter().zip(expected) {
        let counted = number(&format!("select {name} from imports"))?;
        ensure!(counted == expected, "the import counted {counted} rows as {name}, not {expected}");
    }
    Ok(())
}

/// Takes the list back, and kills a process each time that another share of its chunks is gone. Returns when the last
/// one was killed.
fn undo(options: &Options, work: &Work, world: &mut World) -> Result<Instant> {
    let imports: Value = serde_json::from_slice(&world.client.get("/api/v1/imports")?)?;
    let id = imports["items"][0]["id"].as_str().context("there is no import")?;
    let chunks = number(world, "select count(*) from import_chunks")?;
    let (kills, patience) = (Work::kills(options), Work::patience(options));
    world.client.insist(&format!("/api/v1/imports/{id}/undo"), "")?;
    for kill in 0..kills {
        let left = chunks - chunks * kill / kills;
        let far = format!("select count(*) from import_chunks having count(*) <= {left}");
        until("so much of the list is taken back", patience, || Ok(world.count(&far).is_some()))?;
        work.kill_one(world)?;
    }
    let last = Instant::now();
    let undone = "select count(*) from imports where state = 'undone'";
    until("the list is taken back", patience, || Ok(world.count(undone) == Some(1)))?;
    Ok(last)
}

/// What a workspace has.
struct Holdings {
    contacts: Value,
    leads: Value,
    /// Notes, entries that timelines have when a lead is made, and what an undoing needs. Of leads that stay, timelines
    /// only gain entries.
    rows: [usize; 3],
}

impl Holdings {
    fn of(world: &World) -> Result<Self> {
        let list = |path: &str| {
            let page: Value = serde_json::from_slice(&world.client.get(&format!("/api/v1/{path}?limit=500"))?)?;
            ensure!(page["next_cursor"].is_null(), "there are more {path} than there can be");
            Ok(page["items"].clone())
        };
        let told = "select count(*) from activities where kind = 'lead.created'";
        let images = "select (select count(*) from lead_images) + (select count(*) from import_chunks)";
        Ok(Self {
            contacts: list("contacts")?,
            leads: list("leads")?,
            rows: [number(world, "select count(*) from lead_notes")?, number(world, told)?, number(world, images)?],
        })
    }
}
