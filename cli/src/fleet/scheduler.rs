//! `herald scheduler`: decides when.

use std::{process::ExitCode, time::Duration};

use herald_scheduler::{Outlet, Scheduler};

use super::{Role, monitor};
use crate::args::{self, Common};

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
    };
    tracing::info!("the scheduler runs");
    scheduler.run(role.stop.clone()).await;
    role.close().await;
    Ok(ExitCode::SUCCESS)
}
