//! When the report of each day is made: a schedule of the workspace, which the page of reports sets.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use herald_base::boxed;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{DAILY_LEADS, LocalDay};
use crate::jobs::ReportDailyLeads;
use herald_db::{Db, DbError, query};
use herald_ledger::{
    Payload,
    audit::Actor,
    quotas::Quotas,
    schedules::{self, Change, Flaw, Flaws, Missed, NewSchedule, Overlap, Schedule, ScheduleError},
};

/// The name of the schedule.
const NAME: &str = "Daily leads report";
/// Days without a report that the next one makes up for, at most.
const MOST_MADE_UP: u64 = 7;

/// When the report of the day before is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ReportPlan {
    /// Whether reports are made.
    pub on: bool,
    /// The time of day, as `HH:MM`. `null`: the schedule `Daily leads report` has an expression of its own.
    #[schema(example = "07:00")]
    pub at: Option<String>,
    /// The time zone of the time and of the day, as an IANA name.
    #[schema(example = "Europe/Madrid")]
    pub time_zone: String,
    /// When the next one is made.
    pub next_run: Option<DateTime<Utc>>,
    /// Why the last one was not made, or why the plan paused itself.
    pub last_error: Option<String>,
    /// The schedule behind it.
    pub schedule_id: Option<Uuid>,
}

impl From<Option<Schedule>> for ReportPlan {
    fn from(schedule: Option<Schedule>) -> Self {
        match schedule {
            None => Self {
                on: false,
                at: Some("07:00".to_owned()),
                time_zone: "UTC".to_owned(),
                next_run: None,
                last_error: None,
                schedule_id: None,
            },
            Some(schedule) => Self {
                on: !schedule.paused,
                at: time_of(&schedule.cron),
                time_zone: schedule.time_zone,
                next_run: schedule.next_run.filter(|_| !schedule.paused),
                last_error: schedule.last_error,
                schedule_id: Some(schedule.id),
            },
        }
    }
}

/// The time of day of an expression that is one.
fn time_of(cron: &str) -> Option<String> {
    let fields: Vec<&str> = cron.split_whitespace().collect();
    let [minute, hour, "*", "*", "*"] = fields.as_slice() else { return None };
    let time = NaiveTime::from_hms_opt(hour.parse().ok()?, minute.parse().ok()?, 0)?;
    Some(time.format("%H:%M").to_string())
}

/// When a workspace's reports are made.
#[boxed]
pub async fn report_plan(db: &Db, workspace_id: Uuid) -> Result<ReportPlan, DbError> {
    Ok(schedules::find_schedule_named(db, workspace_id, NAME).await?.into())
}

/// Sets when the workspace's reports are made: at a time of day such as `07:00`, by the clocks of a zone. They are made
/// in the name of the actor.
///
/// # Errors
/// [`ScheduleError`].
#[boxed]
pub async fn set_report_plan(
    db: &Db,
    quotas: &Quotas,
    actor: &Actor,
    on: bool,
    (at, time_zone): (&str, &str),
) -> Result<ReportPlan, ScheduleError> {
    let time = NaiveTime::parse_from_str(at.trim(), "%H:%M").map_err(|_| {
        let detail = format!("{at:?} is not a time of day: write it like 07:00");
        ScheduleError::Flaws(Flaws(vec![Flaw { field: "at".to_owned(), detail }]))
    })?;
    let cron = time.format("%-M %-H * * *").to_string();
    let time_zone = time_zone.trim().to_owned();
    let args = json!({ "day": "yesterday", "time_zone": time_zone, "tell": true });
    let known = schedules::find_schedule_named(db, actor.workspace_id, NAME).await?;
    let Some(known) = known else {
        let new = NewSchedule {
            workspace_id: actor.workspace_id,
            name: NAME.to_owned(),
            cron,
            time_zone,
            kind: ReportDailyLeads::POLICY.name.to_owned(),
            args,
            missed: Missed::Once,
            overlap: Overlap::Allow,
            paused: !on,
        };
        return Ok(Some(schedules::create_within(db, quotas, actor, new).await?).into());
    };
    let change = Change {
        cron: Some(cron),
        time_zone: Some(time_zone),
        kind: Some(ReportDailyLeads::POLICY.name.to_owned()),
        args: Some(args),
        missed: Some(Missed::Once),
        ..Change::default()
    };
    let mut changed = schedules::change(db, actor, known.id, change).await?;
    if changed.as_ref().is_some_and(|schedule| schedule.paused == on) {
        changed = match on {
            true => schedules::resume(db, actor, known.id).await?,
            false => schedules::pause(db, actor, known.id).await?,
        };
    }
    Ok(changed.into())
}

/// The days up to `day` that have no report since the last one that has: the scheduler was away. At least `day`
/// itself, and at most a week, the earliest first.
#[boxed]
pub async fn missing_days(db: &Db, workspace_id: Uuid, day: LocalDay) -> Result<Vec<LocalDay>, DbError> {
    let last: Option<(String,)> =
        query("select day from reports where workspace_id = $1 and kind = $2 and day < $3 order by day desc limit 1")
            .bind(workspace_id)
            .bind(DAILY_LEADS)
            .bind(day.day.to_string())
            .optional(db)
            .await?;
    let last: Option<NaiveDate> = last.and_then(|(last,)| last.parse().ok());
    Ok(days_after(last, day))
}

fn days_after(last: Option<NaiveDate>, day: LocalDay) -> Vec<LocalDay> {
    let days = (0..MOST_MADE_UP).map(|back| day.day - Days::new(back));
    let mut missing: Vec<_> = match last {
        None => vec![day],
        Some(last) => days.take_while(|one| *one > last).map(|one| LocalDay { day: one, zone: day.zone }).collect(),
    };
    missing.reverse();
    missing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_read_back_from_its_expression() {
        assert_eq!(time_of("0 7 * * *").as_deref(), Some("07:00"));
        assert_eq!(time_of("30 23 * * *").as_deref(), Some("23:30"));
        for other in ["30 2 * * 1-5", "*/5 * * * *", "@daily", "0 30 2 * * *"] {
            assert_eq!(time_of(other), None, "{other}");
        }
    }

    #[test]
    fn days_without_a_report_are_made_up_for_a_week_at_most() {
        let day = LocalDay { day: "2026-03-10".parse().unwrap(), zone: chrono_tz::Tz::UTC };
        let since = |last: Option<&str>| {
            let days = days_after(last.map(|last| last.parse().unwrap()), day);
            days.iter().map(|one| one.day.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(since(None), ["2026-03-10"]);
        assert_eq!(since(Some("2026-03-09")), ["2026-03-10"]);
        assert_eq!(since(Some("2026-03-07")), ["2026-03-08", "2026-03-09", "2026-03-10"]);
        assert_eq!(since(Some("2025-03-07")).len(), 7);
        assert_eq!(since(Some("2025-03-07"))[6], "2026-03-10");
    }
}
