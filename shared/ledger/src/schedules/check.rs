//! Whether a schedule can work, said field by field before it is stored.

use std::fmt;

use uuid::Uuid;

use super::{Expression, NewSchedule, ScheduleError, Timetable, zone};
use crate::{NewJob, StartError, Way, admit};
use herald_db::Tx;

/// Characters of a name at most.
const LONGEST_NAME: usize = 100;

/// One thing that is wrong with a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The field, as a path with dots: `cron`, `args.run_id`.
    pub field: String,
    /// What is wrong and what to do.
    pub detail: String,
}

impl Flaw {
    pub(super) fn new(field: &str, detail: impl fmt::Display) -> Self {
        Self { field: field.to_owned(), detail: detail.to_string() }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.detail)
    }
}

/// Everything that is wrong with a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaws(pub Vec<Flaw>);

impl fmt::Display for Flaws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&all.join("; "))
    }
}

/// When it fires and what, or everything that is wrong with it: also that `who` may not start such a job, or not with
/// these arguments.
pub(super) async fn check(tx: &mut Tx, who: &str, new: &NewSchedule) -> Result<(Timetable, NewJob), ScheduleError> {
    let mut flaws = Vec::new();
    if let Some(flaw) = name_flaw(&new.name) {
        flaws.push(Flaw::new("name", flaw));
    }
    let expression = Expression::parse(&new.cron).map_err(|error| flaws.push(Flaw::new("cron", error))).ok();
    let zone = zone(&new.time_zone).map_err(|error| flaws.push(Flaw::new("time_zone", error))).ok();
    let job = match job(tx, new.workspace_id, Some(who), Way::Schedule, (&new.kind, &new.args)).await {
        Ok(job) => Some(job),
        Err(ScheduleError::Flaws(Flaws(more))) => {
            flaws.extend(more);
            None
        }
        Err(ScheduleError::Missing(flaw)) if !flaws.is_empty() => {
            flaws.push(flaw);
            None
        }
        Err(error) => return Err(error),
    };
    match (expression, zone, job) {
        (Some(expression), Some(zone), Some(job)) if flaws.is_empty() => Ok((Timetable::new(expression, zone), job)),
        _ => Err(ScheduleError::Flaws(Flaws(flaws))),
    }
}

/// The job of a kind that exists, with arguments that fit it and are the workspace's, if `who` may start it this way.
pub(super) async fn job(
    tx: &mut Tx,
    workspace_id: Uuid,
    who: Option<&str>,
    way: Way,
    (kind, args): (&str, &serde_json::Value),
) -> Result<NewJob, ScheduleError> {
    admit(tx, workspace_id, who, way, kind, args).await.map_err(|error| match error {
        StartError::Kind(_) => ScheduleError::Flaws(Flaws(vec![Flaw::new("kind", error)])),
        StartError::Args(error) => {
            let field = if error.field.is_empty() { "args".to_owned() } else { format!("args.{}", error.field) };
            ScheduleError::Flaws(Flaws(vec![Flaw::new(&field, error.detail)]))
        }
        StartError::Missing { field, .. } => ScheduleError::Missing(Flaw::new(&format!("args.{field}"), error)),
        StartError::Closed(reason) | StartError::Refused(reason) => ScheduleError::Refused(reason),
        StartError::Db(error) => ScheduleError::Db(error),
    })
}

fn name_flaw(name: &str) -> Option<String> {
    if name.trim().is_empty() {
        Some("the name is empty: give the schedule a name".to_owned())
    } else if name.trim() != name || name.chars().any(char::is_control) {
        Some("the name is not valid: remove spaces around it and line breaks in it".to_owned())
    } else if name.chars().count() > LONGEST_NAME {
        Some(format!("the name is too long: use at most {LONGEST_NAME} characters"))
    } else if name.parse::<Uuid>().is_ok() {
        Some("the name looks like an id: choose another name".to_owned())
    } else {
        None
    }
}
