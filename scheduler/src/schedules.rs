//! Fires schedules: creates jobs by the calendar.
//!
//! The loop sleeps until the next tick of any schedule, and wakes at once when a schedule changes. It also wakes every
//! `tick`, because the machine's clock may be set while it sleeps, and a notification from another process may be lost.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use herald_base::telemetry::catalog::{
    CLOCK_SET_BACK, SCHEDULE_BROKEN, SCHEDULE_ERRORS, SCHEDULE_FIRED, SCHEDULE_LATENESS, SCHEDULE_MISSED,
    SCHEDULE_OVERLAPPED,
};
use herald_db::Db;
use herald_ledger::{
    kind_label,
    schedules::{self, Fired, Schedule, ScheduleError},
};
use tokio_util::sync::CancellationToken;

use crate::Scheduler;

/// The number of schedules to read at once.
const GROUP: usize = 100;
/// The pause before a failed round is retried. It doubles each time, up to the tick.
const AFTER_AN_ERROR: TimeDelta = TimeDelta::milliseconds(250);
/// Clocks that are synchronised over the network are often moved back by less than this.
const SET_BACK: TimeDelta = TimeDelta::seconds(2);

pub(crate) async fn run(scheduler: &Scheduler, stop: &CancellationToken) {
    let Scheduler { db, outlet, .. } = scheduler;
    let tick = TimeDelta::from_std(scheduler.tick).unwrap_or(TimeDelta::seconds(5));
    let mut pause = AFTER_AN_ERROR;
    let mut seen = db.now();
    loop {
        let now = db.now();
        if seen - now > SET_BACK {
            CLOCK_SET_BACK.add([], 1);
            tracing::warn!(
                seconds = (seen - now).num_seconds(),
                "the clock was set back: ticks that were fired already are not fired again"
            );
        }
        seen = now;
        let wake_at = match fire_due(db).await {
            Ok(next) => {
                pause = AFTER_AN_ERROR;
                next.map_or(now + tick, |next| next.min(now + tick))
            }
            Err(error) => {
                SCHEDULE_ERRORS.add([], 1);
                tracing::warn!(%error, "schedules could not all be fired, will try again");
                let wake_at = now + pause;
                pause = (pause * 2).min(tick);
                wake_at
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = db.schedules_nudged() => {}
            () = outlet.schedules_changed() => {}
            () = db.clock().sleep_until(wake_at) => {}
        }
    }
}

/// Fires every schedule that is due, and returns when the next one will be due. A schedule that cannot be fired now
/// does not delay the others.
///
/// # Errors
/// The last error, after all schedules that can be fired have been.
pub async fn fire_due(db: &Db) -> Result<Option<DateTime<Utc>>, ScheduleError> {
    loop {
        let now = db.now();
        let due = schedules::due(db, now, GROUP).await?;
        let (mut moved, mut failed) = (false, None);
        for schedule in &due {
            match schedules::fire(db, schedule, now).await {
                Ok(fired) => {
                    moved |= fired.moved;
                    tell(schedule, &fired, db.now());
                }
                Err(error) => failed = Some(error),
            }
        }
        if due.len() == GROUP && moved {
            continue;
        }
        return match failed {
            Some(error) => Err(error),
            None => Ok(schedules::next_due(db).await?),
        };
    }
}

/// Counts and logs the result of firing. Logs contain the id instead of the name, because people choose the names.
fn tell(schedule: &Schedule, fired: &Fired, now: DateTime<Utc>) {
    let (id, kind) = (schedule.id, schedule.kind.as_str());
    let label = [kind_label(kind)];
    SCHEDULE_FIRED.add(label, fired.jobs.len() as u64);
    SCHEDULE_MISSED.add(label, fired.missed);
    SCHEDULE_OVERLAPPED.add(label, fired.overlapped);
    for (tick, job) in &fired.jobs {
        let late = (now - *tick).to_std().unwrap_or(Duration::ZERO);
        SCHEDULE_LATENESS.record([], late.as_secs_f64());
        tracing::info!(schedule = %id, kind, %tick, %job, "a schedule fired");
    }
    if fired.missed > 0 {
        let (ticks, made_up) = (fired.missed, fired.jobs.len());
        tracing::warn!(schedule = %id, kind, ticks, made_up, policy = %schedule.missed, "a schedule missed ticks");
    }
    if fired.overlapped > 0 {
        tracing::info!(schedule = %id, kind, "a tick was left out: the job before it is not finished");
    }
    if let Some(reason) = &fired.broken {
        SCHEDULE_BROKEN.add([], 1);
        tracing::error!(schedule = %id, kind, reason, "a schedule cannot make its job: change or remove it");
    }
}
