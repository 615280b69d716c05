//! The work of the domains: lists of people, lists of leads, and mails, while whoever does the work is killed.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use rand::{RngExt, rngs::StdRng};
use tokio::runtime::Runtime;

use super::{
    Options, Row, leads, lists, mails,
    servers::{Servers, until},
    world::{Ground, World},
};

/// One line of the table.
pub(super) struct Work {
    pub(super) name: &'static str,
    ground: Ground,
    /// Whose processes are killed.
    role: &'static str,
    measure: Measure,
}

/// Has the work done, kills, and counts.
type Measure = fn(&Options, &Work, &mut World, &mut Row) -> Result<()>;

const fn fleet(name: &'static str, ground: Ground, measure: Measure) -> Work {
    Work { name, ground, role: "worker", measure }
}

const fn up(name: &'static str, ground: Ground, measure: Measure) -> Work {
    Work { name, ground, role: "up", measure }
}

/// Every one, in the order they are played.
pub(super) static WORKS: &[Work] = &[
    fleet("lists: workers killed at random", Ground::Lists, lists::measure),
    up("lists, sqlite: process killed at random", Ground::Up, lists::measure),
    fleet("leads: workers killed at random", Ground::Lists, leads::measure),
    up("leads, sqlite: process killed at random", Ground::Up, leads::measure),
    fleet("mails: workers killed at random", Ground::Mails, mails::measure),
    up("mails, sqlite: process killed at random", Ground::UpMails, mails::measure),
];

/// Plays one.
pub(super) fn play(
    options: &Options,
    work: &Work,
    tag: &str,
    servers: &Servers,
    runtime: &Arc<Runtime>,
    random: StdRng,
) -> Result<Row> {
    let mut row = Row::of(work.name);
    let mut world = World::make(options, servers, runtime, tag, work.ground, random)?;
    if let Err(error) = (work.measure)(options, work, &mut world, &mut row) {
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

impl Work {
    /// How often a process is killed during one piece of work.
    pub(super) fn kills(options: &Options) -> usize {
        if options.short { 3 } else { 12 }
    }

    /// How long each piece of work may take.
    pub(super) fn patience(options: &Options) -> Duration {
        Duration::from_secs(120 + options.guests as u64)
    }

    /// Sends KILL to one of the processes, at a moment of chance.
    pub(super) fn kill_one(&self, world: &mut World) -> Result<()> {
        let wait = world.random.random_range(0..150);
        world.pause(wait);
        let names = world.processes.names(self.role);
        let name = names[world.random.random_range(0..names.len())].clone();
        world.processes.signal(&name, "KILL")
    }

    /// Kills one of the processes each time that another share of a list is taken in.
    pub(super) fn kill_during_import(&self, options: &Options, world: &mut World, rows: usize) -> Result<()> {
        let kills = Self::kills(options);
        for kill in 0..kills {
            let share = rows * kill / kills;
            let far = format!("select count(*) from imports where cursor_row >= {share} and state <> 'checking'");
            until("so much of the list is taken in", Self::patience(options), || Ok(world.count(&far) == Some(1)))?;
            self.kill_one(world)?;
        }
        until("the list is taken in", Self::patience(options), || {
            let failed = world.count("select count(*) from imports where state in ('failed', 'cancelled')");
            ensure!(failed != Some(1), "the import failed");
            Ok(world.count("select count(*) from imports where state = 'done'") == Some(1))
        })
    }
}

/// Waits until no job is left, but those that forget files in a week or a month.
pub(super) fn wait_for_end(options: &Options, world: &World) -> Result<()> {
    let left = "select count(*) from jobs where state in ('ready', 'running') and kind not in ('import.forget', \
                'export.forget')";
    until("everything has ended", Work::patience(options), || Ok(world.count(left) == Some(0)))
}

/// Hands a list in that starts by itself, with these fields beside it.
pub(super) fn hand_in_list(world: &World, fields: &[(&str, &str)], list: &str) -> Result<()> {
    let mut form = String::new();
    for (name, value) in [("starts_itself", "true")].iter().chain(fields) {
        form += &format!("--part\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    form += "--part\r\ncontent-disposition: form-data; name=\"file\"; filename=\"list.csv\"\r\n\
             content-type: text/csv\r\n\r\n";
    form += list;
    form += "\r\n--part--\r\n";
    world.client.insist_on("/api/v1/imports", "multipart/form-data; boundary=part", &form).map(|_| ())
}

/// What the database says of a count.
pub(super) fn number(world: &World, statement: &str) -> Result<usize> {
    Ok(usize::try_from(world.count(statement).context("the database cannot be asked")?)?)
}
