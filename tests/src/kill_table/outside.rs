//! Accounts outside: guests come from a Mautic, their invitations go into a Drive, and the links back, while a share of
//! all requests fails and whoever makes the invitations is killed.
//!
//! The two providers are [`crate::fakes`] in the driver. What is counted is what they hold in the end.

mod accounts;
mod ground;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use rand::{RngExt, rngs::StdRng};
use tokio::runtime::Runtime;

use self::ground::Ground;
use super::{
    Options, Row,
    processes::{Plan, Processes},
    servers::{Servers, until},
};

/// One line of the table.
pub(super) struct Journey {
    pub(super) name: &'static str,
    play: fn(&Options, &mut Ground, &mut StdRng, &mut Row) -> Result<()>,
    fleet: bool,
}

/// Every one, in the order they are played.
pub(super) static JOURNEYS: &[Journey] = &[
    Journey { name: "outside: workers killed at random", play: fleet, fleet: true },
    Journey { name: "outside, sqlite: invite killed at random", play: invite, fleet: false },
];

/// How often somebody is killed.
fn kills(options: &Options) -> usize {
    if options.short { 4 } else { 20 }
}

/// How long all guests may take: a provider that asks for patience is given up to ten seconds of it each time, and one
/// that is away half a minute. With a fault in every tenth call, a guest can meet several of those in a row.
fn patience(options: &Options) -> Duration {
    Duration::from_secs(300 + options.guests as u64 / 2)
}

/// Plays one.
pub(super) fn play(
    options: &Options,
    journey: &Journey,
    tag: &str,
    servers: &Servers,
    runtime: &Arc<Runtime>,
    mut random: StdRng,
) -> Result<Row> {
    let mut row = Row::of(journey.name);
    let servers = journey.fleet.then_some(servers);
    let mut ground = Ground::make(options, servers, runtime, tag, random.random())?;
    if let Err(error) = (journey.play)(options, &mut ground, &mut random, &mut row) {
        row.error = Some(format!("{error:#}"));
    }
    ground.accounts.count(options.guests, &mut row);
    if !row.holds() {
        ground.keep_logs(&options.logs)?;
    }
    Ok(row)
}

/// One API, a scheduler and three workers, of which one after the other is killed and started again.
fn fleet(options: &Options, ground: &mut Ground, random: &mut StdRng, row: &mut Row) -> Result<()> {
    let worker = ["worker", "--queues", "control=2,cpu=2,fetch=8,sync=4,drive=4,mautic=4"];
    let plans = vec![
        Plan::new("api-0", &["api"]),
        Plan::new("scheduler-0", &["scheduler"]),
        Plan::new("worker-0", &worker),
        Plan::new("worker-1", &worker),
        Plan::new("worker-2", &worker),
    ];
    let processes = Processes::start(&options.herald, &ground.root, plans)?;
    ground.begin_run()?;
    let began = Instant::now();
    for kill in 0..kills(options) {
        ground.wait_for_share(options, kill, began, || Ok(true))?;
        std::thread::sleep(Duration::from_millis(random.random_range(0..400)));
        let names = processes.names("worker");
        processes.signal(&names[random.random_range(0..names.len())], "KILL")?;
    }
    let last = Instant::now();
    let ended = until("the run has ended", patience(options), || Ok(ground.has_ended()));
    row.recovery = ended.is_ok().then(|| last.elapsed());
    row.alive = processes.all_alive();
    let restarts = processes.restarts();
    (row.killed, row.ended) = (restarts.ordered, restarts.own);
    ended
}

/// `herald invite`, killed and typed again, until it says itself that everybody has an invitation.
fn invite(options: &Options, ground: &mut Ground, random: &mut StdRng, row: &mut Row) -> Result<()> {
    let plan = ground.invite();
    let began = Instant::now();
    for kill in 0..kills(options) {
        let mut life = ground.live(&plan)?;
        ground.wait_for_share(options, kill, began, || Ok(life.0.try_wait()?.is_none()))?;
        std::thread::sleep(Duration::from_millis(random.random_range(30..600)));
        ensure!(life.0.try_wait()?.is_none(), "it ended before it was killed for the {}. time", kill + 1);
        life.0.kill()?;
        life.0.wait()?;
        row.killed += 1;
    }
    let last = Instant::now();
    let mut life = ground.live(&plan)?;
    until("it has ended", patience(options), || Ok(life.0.try_wait()?.is_some()))?;
    row.recovery = Some(last.elapsed());
    let status = life.0.wait().context("waiting for its end")?;
    row.alive = status.success();
    if !row.alive {
        bail!("it ended with {status}");
    }
    Ok(())
}
