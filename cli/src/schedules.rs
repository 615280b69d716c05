//! `herald schedules`: jobs that repeat by a calendar. It works beside a running service.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context, bail};
use herald_app::config::Settings;
use herald_base::{clock::Clock, ids::Ids};
use herald_db::Db;
use herald_ledger::{
    redis_wire::{RedisConfig, RedisWire},
    schedules::{self, NewSchedule, RunNow, Schedule},
};
use uuid::Uuid;

use crate::{
    args::{Common, Schedules},
    audit::me,
    home,
};

/// How long the command tries to tell the fleet about a change. The schedulers also look themselves, only later.
const TELLING: Duration = Duration::from_secs(2);

pub(crate) async fn run(common: &Common, command: Schedules) -> anyhow::Result<ExitCode> {
    let settings = home::settings(common)?;
    if settings.database.url.is_empty() && !common.data.join("herald.db").exists() {
        bail!("{} does not contain herald.db: name the data folder with --data", common.data.display());
    }
    let db = Db::connect(&home::database(&settings, &common.data), Clock::system(), Ids::random())
        .await
        .context("opening the database")?;
    db.migrate().await.context("bringing the database up to this version")?;
    let workspace = herald_people::ensure_default_workspace(&db).await?;
    let changed = act(&db, workspace, command).await?;
    if changed {
        tell(&settings).await;
    }
    db.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Runs the command, and returns whether the schedulers should be told.
async fn act(db: &Db, workspace: Uuid, command: Schedules) -> anyhow::Result<bool> {
    match command {
        Schedules::List { json } => {
            let all = schedules::list_schedules(db, workspace, None, usize::MAX).await?;
            for schedule in &all {
                say(&if json { serde_json::to_string(schedule)? } else { line(schedule) });
            }
            if all.is_empty() && !json {
                say("there are no schedules: create one with `herald schedules add`");
            }
            Ok(false)
        }
        Schedules::Add { name, cron, zone, kind, args, missed, overlap, paused } => {
            let args = serde_json::from_str(&args)
                .context("--args is not valid JSON: write for example '{\"run_id\": \"…\"}'")?;
            let missed = missed.parse().map_err(anyhow::Error::msg)?;
            let overlap = overlap.parse().map_err(anyhow::Error::msg)?;
            let new = NewSchedule {
                workspace_id: workspace,
                name,
                cron,
                time_zone: zone,
                kind,
                args,
                missed,
                overlap,
                paused,
            };
            say(&line(&schedules::create(db, &me(workspace), new).await?));
            Ok(true)
        }
        Schedules::Show { schedule } => {
            let schedule = found(db, workspace, &schedule).await?;
            show(&schedule);
            Ok(false)
        }
        Schedules::Pause { schedule } => {
            let schedule = found(db, workspace, &schedule).await?;
            schedules::pause(db, &me(workspace), schedule.id).await?;
            say("paused");
            Ok(true)
        }
        Schedules::Resume { schedule } => {
            let schedule = found(db, workspace, &schedule).await?;
            let resumed = schedules::resume(db, &me(workspace), schedule.id).await?;
            say(&resumed
                .map_or_else(|| "the schedule was deleted in the meantime".to_owned(), |schedule| line(&schedule)));
            Ok(true)
        }
        Schedules::Run { schedule } => {
            let schedule = found(db, workspace, &schedule).await?;
            match schedules::run_now(db, &me(workspace), schedule.id).await? {
                RunNow::Job(job) => say(&format!("job {job}")),
                RunNow::Unfinished(job) => {
                    bail!(
                        "job {job} of the schedule is not finished, and overlap is skip: wait for that \
                         job or cancel it"
                    )
                }
                RunNow::Unknown => bail!("there is no schedule {}", schedule.name),
            }
            Ok(true)
        }
        Schedules::Remove { schedule } => {
            let schedule = found(db, workspace, &schedule).await?;
            schedules::remove(db, &me(workspace), schedule.id).await?;
            say("removed");
            Ok(true)
        }
        Schedules::Next { schedule, count } => {
            let schedule = found(db, workspace, &schedule).await?;
            let timetable = schedule.timetable().map_err(anyhow::Error::msg)?;
            for tick in timetable.ticks(db.now()).take(count) {
                say(&format!(
                    "{} UTC  {}",
                    tick.format("%Y-%m-%d %H:%M:%S"),
                    timetable.local(tick).format("%a %Y-%m-%d %H:%M:%S %Z")
                ));
            }
            Ok(false)
        }
    }
}

async fn found(db: &Db, workspace: Uuid, name: &str) -> anyhow::Result<Schedule> {
    let schedule = match name.parse() {
        Ok(id) => schedules::find_schedule(db, workspace, id).await?,
        Err(_) => schedules::find_schedule_named(db, workspace, name).await?,
    };
    schedule.with_context(|| format!("there is no schedule {name}"))
}

fn show(schedule: &Schedule) {
    say(&line(schedule));
    say(&format!("  {} with arguments {}", schedule.kind, schedule.args.0));
    say(&format!("  missed ticks: {}, overlap: {}", schedule.missed, schedule.overlap));
    if let Some(last) = schedule.last_run {
        let job = schedule.last_job_id.map_or_else(String::new, |job| format!(", job {job}"));
        say(&format!("  last run {} UTC{job}", last.format("%Y-%m-%d %H:%M:%S")));
    }
    if let Some(error) = &schedule.last_error {
        say(&format!("  the schedule cannot create its job: {error}"));
    }
}

fn line(schedule: &Schedule) -> String {
    let next = match (schedule.paused, schedule.next_run) {
        (true, _) => "paused".to_owned(),
        (false, Some(next)) => format!("next {} UTC", next.format("%Y-%m-%d %H:%M:%S")),
        (false, None) => "never".to_owned(),
    };
    let Schedule { id, name, cron, time_zone, .. } = schedule;
    format!("{id}  {name:<24} {cron:<16} {time_zone:<18} {next}")
}

/// Tells the schedulers of a fleet, if there is a fleet.
async fn tell(settings: &Settings) {
    if settings.redis.url.is_empty() {
        return;
    }
    let config = RedisConfig { url: settings.redis.url.clone(), prefix: settings.redis.prefix.clone() };
    let told = tokio::time::timeout(TELLING, async {
        let redis = RedisWire::connect(&config).await?;
        redis.tell_schedules().await?;
        redis.tell_work().await
    });
    if !matches!(told.await, Ok(Ok(()))) {
        say("Redis did not take the message: the schedulers notice the change within ledger.tick_seconds");
    }
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(text: &str) {
    println!("{text}");
}
