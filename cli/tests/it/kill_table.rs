//! The kill-table: a fleet of real processes with a PostgreSQL and a Redis of its own, and what becomes of its jobs when any of them is
//! killed, stopped, emptied or cut off. What it counts is told in `docs/kill-table.md`.

mod effects;
mod fleet;
mod servers;

use std::{
    fmt::Write as _,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use self::fleet::Fleet;

/// Requests of a scenario, and jobs of each.
const REQUESTS: usize = 12;
const JOBS: usize = 25;
/// How long a scenario may take to end what it began.
const PATIENCE: Duration = Duration::from_secs(60);
/// Fixed, so that a failing table can be drawn again.
const SEED: u64 = 20_261_125;

type Fault = fn(&Fleet, &mut StdRng);

#[rustfmt::skip]
const SCENARIOS: [(&str, Fault); 14] = [
    ("calm",                          |_, _| {}),
    ("answers of the provider lost",  |fleet, _| { fleet.effects.cut.store(true, Ordering::SeqCst); pause(1_500); fleet.effects.cut.store(false, Ordering::SeqCst) }),
    ("kill -9 of a worker, 4 times",  |fleet, random| kill(fleet, random, "worker")),
    ("kill -9 of a scheduler, 4 times", |fleet, random| kill(fleet, random, "scheduler")),
    ("kill -9 of the api, 4 times",   |fleet, random| kill(fleet, random, "api")),
    ("worker stopped past its lease, then continued", |fleet, _| { fleet.signal("worker-0", "STOP"); pause(10_000); fleet.signal("worker-0", "CONT") }),
    ("rolling restart (SIGTERM)",     |fleet, _| for name in ["worker-0", "worker-1", "scheduler-0", "scheduler-1", "api-0"] { fleet.signal(name, "TERM"); pause(700) }),
    ("Redis restarted",               |fleet, _| fleet.servers().restart_redis(Duration::from_millis(500))),
    ("Redis FLUSHALL, 8 times",       |fleet, _| for _ in 0..8 { fleet.servers().redis("FLUSHALL"); pause(150) }),
    ("Redis stopped for 10 s",        |fleet, _| { fleet.servers().signal_redis("STOP"); pause(10_000); fleet.servers().signal_redis("CONT") }),
    ("Redis out of memory for 2 s",   |fleet, _| { fleet.servers().redis("CONFIG SET maxmemory 1"); pause(2_000); fleet.servers().redis("CONFIG SET maxmemory 0") }),
    ("PostgreSQL restarted (fast)",   |fleet, _| fleet.servers().restart_postgres("INT")),
    ("PostgreSQL restarted (immediate)", |fleet, _| fleet.servers().restart_postgres("QUIT")),
    ("PostgreSQL backends ended, 6 times", |fleet, _| for _ in 0..6 { fleet.end_backends(); pause(250) }),
];

/// Part of a fault: how long it lasts.
fn pause(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

fn kill(fleet: &Fleet, random: &mut StdRng, role: &str) {
    for _ in 0..4 {
        let mut of_role = fleet.names();
        of_role.retain(|name| name.starts_with(role));
        fleet.signal(&of_role[random.random_range(0..of_role.len())], "KILL");
        pause(random.random_range(200..600));
    }
}

#[test]
fn whatever_is_killed_no_job_is_lost_and_no_effect_happens_twice() {
    let fleet = Fleet::start();
    let mut random = StdRng::seed_from_u64(SEED);
    let mut table = "| Scenario | Jobs in | Done | Lost | Run twice | Effects twice | Restarts | Time to recover |\n\
                     |---|--:|--:|--:|--:|--:|--:|--:|\n"
        .to_owned();
    let mut bad = Vec::new();
    for (place, (scenario, fault)) in SCENARIOS.into_iter().enumerate() {
        let probe = format!("s{place}");
        let restarts = fleet.restarts();
        let ended = std::thread::scope(|scope| {
            let feed = scope.spawn(|| fleet.feed(&probe, REQUESTS, JOBS));
            pause(300);
            fault(&fleet, &mut random);
            let ended = Instant::now();
            feed.join().unwrap();
            ended
        });
        let jobs = REQUESTS * JOBS;
        while fleet.succeeded(&probe) < jobs && ended.elapsed() < PATIENCE {
            pause(20);
        }
        let recovered = ended.elapsed().as_secs_f64();
        let (succeeded, seen) = (fleet.succeeded(&probe), fleet.effects.of(&probe));
        let done = succeeded.min(seen.jobs);
        let (lost, twice) = (jobs - done, seen.effects - seen.jobs);
        let alive = fleet.all_alive();
        writeln!(
            table,
            "| {scenario} | {jobs} | {done} | {lost} | {} | {twice} | {} | {recovered:.1} s |",
            seen.calls - seen.effects,
            fleet.restarts() - restarts
        )
        .unwrap();
        let slow = scenario.contains("of a worker") && recovered > 10.0;
        if lost > 0 || twice > 0 || !alive || slow {
            bad.push(scenario);
        }
    }
    println!("{table}");
    assert!(bad.is_empty(), "{bad:?} failed; logs of all processes are in {}\n{table}", fleet.keep_logs().display());
}
