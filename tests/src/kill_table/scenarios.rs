//! The table: what is done to a fleet while jobs come in.

use std::{path::Path, process::Command, sync::atomic::Ordering, time::Duration};

use anyhow::{Context, Result, ensure};
use rand::{Rng, RngExt};

use super::{
    servers::{Servers, is_root, until},
    world::{FAKETIME, Ground, World},
};

/// What a fault says when this machine cannot have it.
pub(super) type Skipped = Option<&'static str>;

/// One line of the table.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) ground: Ground,
    /// Why it cannot be played here.
    pub(super) lacks: fn() -> Result<Skipped>,
    pub(super) fault: fn(&mut World, &mut Servers) -> Result<()>,
}

const fn on(ground: Ground, name: &'static str, fault: fn(&mut World, &mut Servers) -> Result<()>) -> Scenario {
    Scenario { name, ground, lacks: || Ok(None), fault }
}

/// Every scenario, in the order they are played.
pub(super) static SCENARIOS: &[Scenario] = &[
    on(Ground::Fleet, "calm", |_, _| Ok(())),
    on(Ground::Fleet, "workers killed at random", |world, _| kill_at_random(world, "worker")),
    on(Ground::Fleet, "schedulers killed at random", |world, _| kill_at_random(world, "scheduler")),
    on(Ground::Fleet, "api killed at random", |world, _| kill_at_random(world, "api")),
    on(Ground::Fleet, "worker stopped past its lease", zombie),
    on(Ground::Fleet, "poison job kills its worker", poison),
    on(Ground::Fleet, "rolling restart", rolling_restart),
    on(Ground::Fleet, "redis restarted empty", |_, servers| servers.restart_redis(Duration::from_millis(500))),
    on(Ground::Fleet, "redis flushed", |world, servers| repeat(world, 8, 30, |_| servers.redis("FLUSHALL"))),
    on(Ground::Fleet, "redis paused", |world, servers| {
        servers.signal_redis("STOP")?;
        world.pause(long_or_short(world, 10_000, 3_000));
        servers.signal_redis("CONT")
    }),
    on(Ground::Fleet, "redis out of memory", |world, servers| {
        servers.redis("CONFIG SET maxmemory 1")?;
        world.pause(long_or_short(world, 10_000, 2_000));
        servers.redis("CONFIG SET maxmemory 0")
    }),
    on(Ground::Fleet, "postgres restarted, fast", |_, servers| servers.restart_postgres("INT")),
    on(Ground::Fleet, "postgres restarted, immediate", |_, servers| servers.restart_postgres("QUIT")),
    on(Ground::Fleet, "postgres backends ended", |world, servers| repeat(world, 6, 30, |_| end_backends(servers))),
    on(Ground::Fleet, "postgres connections used up", |world, servers| {
        servers.sql("alter role fleet connection limit 1")?;
        end_backends(servers)?;
        world.pause(long_or_short(world, 10_000, 2_000));
        servers.sql("alter role fleet connection limit -1")
    }),
    on(Ground::Fleet, "network to redis severed", |world, _| {
        proxy(world)?.sever();
        world.pause(long_or_short(world, 15_000, 3_000));
        proxy(world)?.mend();
        Ok(())
    }),
    on(Ground::Fleet, "network to redis half-open", |world, _| {
        proxy(world)?.freeze();
        world.pause(long_or_short(world, 15_000, 3_000));
        proxy(world)?.mend();
        Ok(())
    }),
    on(Ground::Fleet, "provider's answers lost", |world, _| {
        world.sink.lose_answers.store(true, Ordering::SeqCst);
        world.pause(long_or_short(world, 5_000, 1_500));
        world.sink.lose_answers.store(false, Ordering::SeqCst);
        Ok(())
    }),
    Scenario {
        lacks: || Ok((!Path::new(FAKETIME).exists()).then_some("install libfaketime")),
        ..on(Ground::Clocks, "clocks stepped", step_clocks)
    },
    on(Ground::Up, "sqlite: process killed at random", |world, _| kill_at_random(world, "up")),
    on(Ground::Up, "sqlite: provider's answers lost", |world, _| {
        world.sink.lose_answers.store(true, Ordering::SeqCst);
        world.pause(long_or_short(world, 5_000, 1_500));
        world.sink.lose_answers.store(false, Ordering::SeqCst);
        Ok(())
    }),
    Scenario {
        lacks: || Ok((!can_mount()?).then_some("needs root, to mount a small disk")),
        ..on(Ground::SmallDisk, "sqlite: disk full", fill_disk)
    },
];

fn long_or_short(world: &World, long: u64, short: u64) -> u64 {
    if world.short { short } else { long }
}

fn repeat(world: &mut World, short: usize, long: usize, mut act: impl FnMut(&mut World) -> Result<()>) -> Result<()> {
    for _ in 0..if world.short { short } else { long } {
        act(world)?;
        let wait = world.random.random_range(100..400);
        world.pause(wait);
    }
    Ok(())
}

fn kill_at_random(world: &mut World, role: &str) -> Result<()> {
    repeat(world, 4, 20, |world| {
        let names = world.processes.names(role);
        let name = &names[world.random.random_range(0..names.len())];
        world.kill(name)?;
        let wait = world.random.random_range(0..300);
        world.pause(wait);
        Ok(())
    })
}

fn zombie(world: &mut World, _: &mut Servers) -> Result<()> {
    world.processes.signal("worker-1", "STOP")?;
    std::thread::sleep(world.lease + Duration::from_secs(2));
    world.processes.signal("worker-1", "CONT")
}

/// Tries of the poison job.
const TRIES: usize = 3;

/// The job's call is never answered, and whichever worker makes it is killed: all three, since which one it is cannot
/// be told from outside.
fn poison(world: &mut World, _: &mut Servers) -> Result<()> {
    let probe = format!("{}-poison", world.tag);
    world.sink.be_silent_to(&probe);
    world.client.poison(&probe, TRIES)?;
    for tries in 1..=TRIES {
        until("the poison job runs", Duration::from_secs(40), || Ok(world.sink.unanswered() >= tries))?;
        for name in world.processes.names("worker") {
            world.kill(&name)?;
        }
    }
    until("the poison job is dead", Duration::from_secs(40), || Ok(world.dead().is_ok_and(|dead| !dead.is_empty())))?;
    let dead = world.dead()?;
    let (attempts, last) = dead.last().context("no job died")?;
    ensure!(*attempts == TRIES as i64 && dead.len() == TRIES, "the poison job's history is {dead:?}");
    ensure!(!last.is_empty(), "its death has no reason");
    // What was lost with the workers has run already where it is counted.
    let succeeded: std::collections::HashSet<_> = world.succeeded()?.into_iter().collect();
    world.bereaved.retain(|job| succeeded.contains(job));
    Ok(())
}

fn rolling_restart(world: &mut World, _: &mut Servers) -> Result<()> {
    for name in world.processes.names("") {
        let before = world.processes.id(&name);
        world.processes.signal(&name, "TERM")?;
        until("the process is another one", Duration::from_secs(40), || Ok(world.processes.id(&name) != before))?;
    }
    Ok(())
}

fn end_backends(servers: &Servers) -> Result<()> {
    servers.sql(
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'fleet' \
         and backend_type = 'client backend'",
    )
}

fn proxy(world: &World) -> Result<&crate::Proxy> {
    world.proxy.as_ref().context("this ground has no proxy")
}

/// Five minutes ahead, then five behind, then right again.
fn step_clocks(world: &mut World, _: &mut Servers) -> Result<()> {
    for offset in ["+300", "-300", "+0"] {
        let file = world.root.join("clock");
        std::fs::write(world.root.join("clock.new"), offset)?;
        std::fs::rename(world.root.join("clock.new"), file)?;
        world.pause(long_or_short(world, 12_000, 2_000));
    }
    Ok(())
}

fn can_mount() -> Result<bool> {
    if !is_root()? {
        return Ok(false);
    }
    let folder = tempfile::tempdir()?;
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(folder.path()).output()?;
    if mounted.status.success() {
        Command::new("umount").arg(folder.path()).status()?;
    }
    Ok(mounted.status.success())
}

fn fill_disk(world: &mut World, _: &mut Servers) -> Result<()> {
    let filler = world.root.join("data/filler");
    // Written until nothing fits; what a random pattern of frees leaves is for the database to fight for.
    let full: std::io::Result<()> = std::fs::File::create(&filler).and_then(|mut file| {
        let mut block = vec![0; 64 << 10];
        world.random.fill_bytes(&mut block);
        loop {
            std::io::Write::write_all(&mut file, &block)?;
        }
    });
    ensure!(full.is_err_and(|error| error.kind() == std::io::ErrorKind::StorageFull), "the disk is not full");
    world.pause(long_or_short(world, 10_000, 2_000));
    std::fs::remove_file(filler).context("making room again")
}
