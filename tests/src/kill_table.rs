//! The kill-table: a fleet of real processes with a PostgreSQL and a Redis of its own, and what becomes of its jobs
//! when any of them is killed, stopped, emptied or cut off.
//!
//! `docs/kill-table.md` tells what is counted and how to read it.

mod campaigns;
mod client;
mod domain_work;
mod leads;
mod lists;
mod mails;
mod outside;
mod processes;
mod report;
mod scenarios;
mod servers;
mod sink;
mod slow_host;
mod world;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use rand::{SeedableRng, rngs::StdRng};
use tokio::runtime::Runtime;

pub use self::report::{Row, line, markdown, write};
use self::{
    campaigns::MAILINGS,
    domain_work::WORKS,
    outside::{JOURNEYS, Journey},
    scenarios::{SCENARIOS, Scenario},
    servers::Servers,
    world::World,
};

/// Jobs come in for so long before the fault begins.
const BEFORE: Duration = Duration::from_millis(400);
/// Requests of a scenario in the short form, and the pause after each.
const SHORT_REQUESTS: usize = 12;
const SHORT_PACE: Duration = Duration::from_millis(150);
/// Jobs of a request in the long form.
const LONG_REQUEST: usize = 500;

/// What is played.
#[derive(Clone, Debug)]
pub struct Options {
    /// The binary under test.
    pub herald: PathBuf,
    /// Jobs of each scenario; 0 leaves these scenarios out.
    pub jobs: usize,
    /// Guests of each scenario with accounts outside; those with lists, mails and campaigns have some for each guest. 0
    /// leaves these scenarios out.
    pub guests: usize,
    /// What the random moments are drawn from.
    pub seed: u64,
    /// Only the scenarios with this in their name.
    pub only: Option<String>,
    /// Faults of seconds and a lease of two, for a test.
    pub short: bool,
    /// Where the logs of scenarios that failed are kept.
    pub logs: PathBuf,
}

impl Options {
    /// How long the provider takes for a call: in the short form long enough that a kill finds jobs in progress.
    fn delay(&self) -> Duration {
        Duration::from_millis(if self.short { 120 } else { 2 })
    }

    fn lease(&self) -> Duration {
        Duration::from_secs(if self.short { 2 } else { 8 })
    }

    /// How long a scenario may take to end what it began.
    fn patience(&self) -> Duration {
        Duration::from_secs(if self.short { 60 } else { 120 + self.jobs as u64 / 100 })
    }
}

/// How many scenarios share the jobs of [`run`] with these options.
pub fn scenarios(options: &Options) -> usize {
    chosen(options).count()
}

fn chosen(options: &Options) -> impl Iterator<Item = &'static Scenario> {
    let (only, any) = (options.only.clone().unwrap_or_default(), options.jobs > 0);
    SCENARIOS.iter().filter(move |scenario| any && scenario.name.contains(&only))
}

fn chosen_outside(options: &Options) -> impl Iterator<Item = &'static Journey> {
    let (only, any) = (options.only.clone().unwrap_or_default(), options.guests > 0);
    JOURNEYS.iter().filter(move |journey| any && journey.name.contains(&only))
}

/// Plays the table, one scenario after the other. Each row is also told as soon as it is known.
///
/// # Errors
/// When the servers cannot be started. What goes wrong in a scenario is in its row.
pub fn run(options: &Options, mut tell: impl FnMut(&Row)) -> Result<Vec<Row>> {
    herald_app::jobs::install();
    let mut servers = Servers::start()?;
    servers.sql("create role fleet login")?;
    let runtime = Arc::new(Runtime::new()?);
    let mut rows = Vec::new();
    for (place, scenario) in chosen(options).enumerate() {
        let row = play(options, scenario, place, &mut servers, &runtime)?;
        tell(&row);
        rows.push(row);
    }
    for (place, journey) in chosen_outside(options).enumerate() {
        let row =
            outside::play(options, journey, &format!("o{place}"), &servers, &runtime, lots(options, journey.name))?;
        tell(&row);
        rows.push(row);
    }
    let only = options.only.as_deref().unwrap_or_default();
    for (place, work) in WORKS.iter().enumerate() {
        if options.guests == 0 || !work.name.contains(only) {
            continue;
        }
        let tag = format!("w{place}");
        let row = domain_work::play(options, work, &tag, &servers, &runtime, lots(options, work.name))?;
        tell(&row);
        rows.push(row);
    }
    for (place, mailing) in MAILINGS.iter().enumerate() {
        if options.guests == 0 || !mailing.name.contains(only) {
            continue;
        }
        let tag = format!("m{place}");
        let row = campaigns::play(options, mailing, &tag, &mut servers, &runtime, lots(options, mailing.name))?;
        tell(&row);
        rows.push(row);
    }
    if options.guests > 0 && slow_host::NAME.contains(only) {
        let row = slow_host::play(options, &servers, &runtime)?;
        tell(&row);
        rows.push(row);
    }
    if rows.is_empty() {
        bail!("no scenario has {only:?} in its name");
    }
    Ok(rows)
}

fn play(
    options: &Options,
    scenario: &Scenario,
    place: usize,
    servers: &mut Servers,
    runtime: &Arc<Runtime>,
) -> Result<Row> {
    let mut row = Row { skipped: (scenario.lacks)()?, ..Row::of(scenario.name) };
    if row.skipped.is_some() {
        return Ok(row);
    }
    let tag = format!("s{place}");
    let mut world = World::make(options, servers, runtime, &tag, scenario.ground, lots(options, scenario.name))?;
    // Jobs come in from the first moment the API serves.
    world.client.probe(&format!("{tag}-first"), 1)?;
    if let Err(error) = measure(options, scenario, &mut world, servers, &mut row) {
        row.error = Some(format!("{error:#}"));
    }
    if !row.holds() {
        world.keep_logs(&options.logs)?;
    }
    world.end()?;
    Ok(row)
}

/// What a scenario draws from: its own, so that played alone it draws what it draws in the whole table.
fn lots(options: &Options, scenario: &str) -> StdRng {
    let seed = scenario.bytes().fold(options.seed, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
    StdRng::seed_from_u64(seed)
}

fn measure(
    options: &Options,
    scenario: &Scenario,
    world: &mut World,
    servers: &mut Servers,
    row: &mut Row,
) -> Result<()> {
    let feed = {
        let (client, options, tag) = (world.client.clone(), options.clone(), world.tag.clone());
        std::thread::spawn(move || feed(&client, &options, &tag))
    };
    std::thread::sleep(BEFORE);
    let fault = (scenario.fault)(world, servers);
    let ended = Instant::now();
    let patience = options.patience();
    let last = format!("{}-last", world.tag);
    let answered = world.client.probe(&last, 1);
    while !world.sink.saw(&last) && ended.elapsed() < patience {
        world.pause(5);
    }
    row.recovery = world.sink.saw(&last).then(|| ended.elapsed());
    if let Some(later) = (!world.bereaved.is_empty()).then(|| world.recovered(ended, patience)) {
        row.recovery = later;
    }
    let fed = feed.join().unwrap_or_else(|_| bail!("the client panicked"));
    while world.open_jobs() != Some(0) && ended.elapsed() < patience {
        world.pause(50);
    }
    row.jobs_in = world.client.acknowledged();
    row.done = world.sink.had_effect(&world.succeeded()?);
    row.run_twice = world.sink.repeats();
    row.effects_twice = world.sink.effects_twice();
    row.alive = world.processes.all_alive();
    let restarts = world.processes.restarts();
    (row.killed, row.ended) = (restarts.ordered, restarts.own);
    fault.and(answered).and(fed)
}

/// Hands a scenario's jobs in, over the time of its fault.
fn feed(client: &client::Client, options: &Options, tag: &str) -> Result<()> {
    let each = if options.short { options.jobs.div_ceil(SHORT_REQUESTS) } else { LONG_REQUEST };
    let mut left = options.jobs;
    for request in 0.. {
        let jobs = left.min(each);
        if jobs == 0 {
            break;
        }
        client.probe(&format!("{tag}-{request}"), jobs)?;
        left -= jobs;
        if options.short {
            std::thread::sleep(SHORT_PACE);
        }
    }
    Ok(())
}
