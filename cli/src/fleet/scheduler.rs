//! `herald scheduler`: decides when jobs run.

use std::{process::ExitCode, time::Duration};

use chrono::TimeDelta;
use herald_base::clock::Clock;
use herald_db::Db;
use herald_ledger::redis_wire::{RedisWire, SCHEDULER_SAYS};
use herald_providers::files::Files;
use herald_scheduler::{Outlet, Scheduler};

use super::{Role, monitor, process_name};
use crate::{
    args::{self, Common},
    home,
};

/// How often the scheduler looks for half-written and old files.
const DRAFTS: Duration = Duration::from_secs(6 * 3_600);

pub(crate) async fn run(common: &Common, options: args::Scheduler) -> anyhow::Result<ExitCode> {
    let role = Role::open(common, "scheduler").await?;
    monitor(&role, options.monitor.as_deref()).await?;
    let settings = &role.home.settings;
    let scheduler = Scheduler {
        db: role.home.db.clone(),
        outlet: Outlet::fleet(role.redis.clone()),
        lease: Duration::from_secs(settings.ledger.lease_seconds),
        tick: Duration::from_secs(settings.ledger.tick_seconds),
        keep: Duration::from_secs(settings.ledger.keep_days * 24 * 3_600),
        keep_members: Duration::from_secs(settings.retention.snapshot_members_days * 24 * 3_600),
    };
    let drafts = tokio::spawn(tidy_files(role.home.db.clone(), role.home.files.clone()));
    tracing::info!("the scheduler runs");
    let present = tokio::spawn(say_present(role.home.db.clock().clone(), role.redis.clone()));
    scheduler.run(role.stop.clone()).await;
    drafts.abort();
    present.abort();
    if let Err(error) = role.redis.scheduler_left(&process_name()).await {
        tracing::debug!(%error, "not taken off the list of schedulers; that passes by itself");
    }
    role.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Reports regularly that a scheduler runs, for `herald doctor`.
async fn say_present(clock: Clock, redis: RedisWire) {
    loop {
        if let Err(error) = redis.scheduler_seen(&process_name(), clock.now()).await {
            tracing::debug!(%error, "could not say that this scheduler is there");
        }
        clock.sleep(SCHEDULER_SAYS).await;
    }
}

/// Removes the files that killed processes left half-written in a shared folder (no write takes a day). It also moves
/// the files that an earlier version wrote before its last process ended.
async fn tidy_files(db: Db, files: Files) {
    loop {
        if let Err(error) = home::move_files(&db, &files, false).await {
            tracing::warn!("{error:#}");
        }
        match files.remove_unfinished(Some(db.now() - TimeDelta::days(1))).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "files that killed processes left half written are removed"),
            Err(error) => tracing::warn!(%error, "half-written files could not be removed"),
        }
        db.clock().sleep(DRAFTS).await;
    }
}
