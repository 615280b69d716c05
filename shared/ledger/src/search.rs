//! Finding jobs: by what they are, what they were given, and how they failed.
//!
//! A statement has only the conditions that are asked for, so that each can use its index; a list that "may" filter by
//! everything could use none. Lists are walked by id, newest first: ids sort by the time they were made, and rows that
//! come or go shift nothing.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{JobRow, JobState, chosen_jobs::ChosenJobs, inspect::job_row};
use herald_db::{Db, EngineKind, Query, Result, Value, query};

/// A filter for jobs. An empty filter finds every job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JobFilter {
    /// Only these jobs: their ids, with commas between them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "0199c0de-0000-7000-8000-000000000000")]
    pub ids: Option<ChosenJobs>,
    /// Only jobs of this kind; `invitation.*` means every kind that begins with `invitation.`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Only jobs in this state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<JobState>,
    /// Only jobs of this queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// Only jobs of this batch.
    #[serde(rename = "batch", skip_serializing_if = "Option::is_none")]
    pub batch_id: Option<Uuid>,
    /// Only jobs with this argument.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "run_id:0199c0de-0000-7000-8000-000000000000")]
    pub arg: Option<ArgFilter>,
    /// Only jobs whose last failure has this fingerprint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Only jobs enqueued at or after this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_after: Option<DateTime<Utc>>,
    /// Only jobs enqueued before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_before: Option<DateTime<Utc>>,
    /// Only jobs that ended at or after this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_after: Option<DateTime<Utc>>,
    /// Only jobs that ended before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_before: Option<DateTime<Utc>>,
    /// Only jobs older than this one: the last id of the previous page.
    #[serde(skip)]
    pub before: Option<Uuid>,
}

impl JobFilter {
    /// Whether it lets every job through.
    pub fn is_empty(&self) -> bool {
        Self { before: None, ..self.clone() } == Self::default()
    }

    /// Whether an index leads to its jobs. Without one, every job of the ledger may have to be looked at.
    fn has_index(&self) -> bool {
        self.is_empty()
            || self.ids.is_some()
            || self.batch_id.is_some()
            || self.fingerprint.is_some()
            || matches!(self.state, Some(JobState::Dead | JobState::Cancelled | JobState::Running))
    }

    /// The conditions of a workspace's jobs that it lets through.
    pub(super) fn conditions(&self, engine: EngineKind, workspace_id: Uuid) -> Conditions {
        let mut wanted = Conditions::in_workspace(workspace_id);
        if let Some(chosen) = &self.ids {
            let ids: Vec<String> = chosen.ids().iter().map(|id| wanted.bind(*id)).collect();
            wanted.raw(&format!("id in ({})", ids.join(", ")));
        }
        match self.kind.as_deref().map(|kind| (kind, kind.strip_suffix('*'))) {
            // Not LIKE: a kind may hold its wildcards.
            Some((_, Some(prefix))) if !prefix.is_empty() => {
                wanted.and("substr(kind, 1, length(?)) = ?", prefix);
            }
            Some((_, Some(_))) | None => {}
            Some((kind, None)) => wanted.and("kind = ?", kind),
        }
        // Written out: only then does the planner know that a partial index of this state serves.
        if let Some(state) = self.state {
            wanted.raw(&format!("state = '{}'", state.as_str()));
        }
        if let Some(queue) = &self.queue {
            wanted.and("queue = ?", queue.as_str());
        }
        if let Some(batch) = self.batch_id {
            wanted.and("batch_id = ?", batch);
        }
        if let Some(arg) = &self.arg {
            arg.add_to(&mut wanted, engine);
        }
        if let Some(fingerprint) = &self.fingerprint {
            wanted.and("fingerprint = ?", fingerprint.as_str());
        }
        for (time, condition) in [
            (self.created_after, "created_at >= ?"),
            (self.created_before, "created_at < ?"),
            (self.finished_after, "finished_at >= ?"),
            (self.finished_before, "finished_at < ?"),
        ] {
            if let Some(time) = time {
                wanted.and(condition, time);
            }
        }
        // An id begins with the time it was made, so a time is also a place in the order of ids. A second of grace for
        // clocks that differ between the processes of a fleet; the exact condition stands above.
        if let Some(after) = self.created_after {
            wanted.and("id >= ?", first_id(after - GRACE));
        }
        if let Some(before) = self.created_before {
            wanted.and("id < ?", first_id(before + GRACE));
        }
        if let Some(before) = self.before {
            wanted.and("id < ?", before);
        }
        wanted
    }
}

const GRACE: chrono::TimeDelta = chrono::TimeDelta::seconds(1);

/// The first id that can be made at a time.
fn first_id(at: DateTime<Utc>) -> Uuid {
    let millis = u128::try_from(at.timestamp_millis()).unwrap_or(0) & 0xffff_ffff_ffff;
    Uuid::from_u128(millis << 80)
}

impl fmt::Display for JobFilter {
    /// In words, for the audit log. Of many chosen jobs it says their number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let serde_json::Value::Object(fields) = serde_json::to_value(self).unwrap_or_default() else { return Ok(()) };
        if fields.is_empty() {
            return f.write_str("all jobs");
        }
        let words: Vec<String> = fields
            .into_iter()
            .map(|(name, value)| match &self.ids {
                Some(chosen) if name == "ids" && chosen.ids().len() > 3 => {
                    format!("{} chosen jobs", chosen.ids().len())
                }
                _ => format!("{name}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
            })
            .collect();
        f.write_str(&words.join(" "))
    }
}

/// A top-level field of the arguments, and what it must equal. Written `run_id:0199…`; `5` and `true` also mean the
/// number and the bool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ArgFilter {
    field: String,
    value: String,
}

impl FromStr for ArgFilter {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (field, value) =
            text.split_once(':').ok_or_else(|| format!("{text:?} is not an argument: write it as field:value"))?;
        // It becomes part of a JSON path.
        let plain = field.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        if field.is_empty() || field.len() > 64 || !plain {
            return Err(format!("{field:?} is not a valid field name: use letters, digits, _ and -"));
        }
        Ok(Self { field: field.to_owned(), value: value.to_owned() })
    }
}

impl TryFrom<String> for ArgFilter {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        text.parse()
    }
}

impl From<ArgFilter> for String {
    fn from(arg: ArgFilter) -> Self {
        format!("{}:{}", arg.field, arg.value)
    }
}

impl ArgFilter {
    /// The value as JSON would have it, if it is a number or a bool.
    fn scalar(&self) -> Option<serde_json::Value> {
        serde_json::from_str(&self.value)
            .ok()
            .filter(|value: &serde_json::Value| value.is_number() || value.is_boolean())
    }

    fn add_to(&self, wanted: &mut Conditions, engine: EngineKind) {
        match engine {
            EngineKind::Postgres => {
                let field = wanted.bind(self.field.as_str());
                let text = wanted.bind(serde_json::Value::from(self.value.as_str()));
                match self.scalar() {
                    None => wanted.raw(&format!("args -> {field} = {text}")),
                    Some(scalar) => {
                        let scalar = wanted.bind(scalar);
                        wanted.raw(&format!("args -> {field} in ({text}, {scalar})"));
                    }
                }
            }
            EngineKind::Sqlite => {
                let path = wanted.bind(format!("$.\"{}\"", self.field));
                let text = wanted.bind(self.value.as_str());
                let is_text = format!("(json_type(args, {path}) = 'text' and json_extract(args, {path}) = {text})");
                let scalar = match self.scalar() {
                    None => None,
                    Some(serde_json::Value::Bool(truth)) => Some(format!("json_type(args, {path}) = '{truth}'")),
                    Some(number) => {
                        let number = match number.as_i64() {
                            Some(whole) => wanted.bind(whole),
                            None => format!("cast({} as real)", wanted.bind(number.to_string())),
                        };
                        Some(format!(
                            "(json_type(args, {path}) in ('integer', 'real') and json_extract(args, {path}) = {number})"
                        ))
                    }
                };
                match scalar {
                    None => wanted.raw(&is_text),
                    Some(scalar) => wanted.raw(&format!("({is_text} or {scalar})")),
                }
            }
        }
    }
}

/// The conditions of a statement, put together from those that are wanted.
pub(super) struct Conditions {
    sql: String,
    values: Vec<Value>,
}

impl Conditions {
    pub(super) fn in_workspace(workspace_id: Uuid) -> Self {
        let mut conditions = Self { sql: "where workspace_id = ".to_owned(), values: Vec::new() };
        let workspace = conditions.bind(workspace_id);
        conditions.sql.push_str(&workspace);
        conditions
    }

    /// Adds a value and returns its placeholder.
    pub(super) fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    /// Adds a condition in which `?` stands for the value.
    pub(super) fn and(&mut self, condition: &str, value: impl Into<Value>) {
        let parameter = self.bind(value);
        self.raw(&condition.replace('?', &parameter));
    }

    /// Adds a condition without a value, or with values bound before.
    pub(super) fn raw(&mut self, condition: &str) {
        self.sql.push_str(" and ");
        self.sql.push_str(condition);
    }

    /// `select … where … order … limit …`, to be run once.
    pub(super) fn select(mut self, select: &str, order: &str, limit: Option<usize>) -> Query {
        let limit = match limit {
            Some(limit) => format!(" limit {}", self.bind(i64::try_from(limit).unwrap_or(i64::MAX))),
            None => String::new(),
        };
        let statement = query(&format!("{select} {} {order}{limit}", self.sql)).once();
        self.values.into_iter().fold(statement, Query::bind)
    }
}

/// A workspace's jobs, newest first, at most `limit`.
#[boxed]
pub async fn list_jobs(db: &Db, workspace_id: Uuid, filter: &JobFilter, limit: usize) -> Result<Vec<JobRow>> {
    // Few jobs run at once. SQLite does not know that, and would look for them among all, in the order of ids.
    let index = match (db.kind(), filter.state) {
        (EngineKind::Sqlite, Some(JobState::Running)) => " indexed by jobs_running",
        _ => "",
    };
    filter
        .conditions(db.kind(), workspace_id)
        .select(&format!("select {} from jobs{index}", job_row!()), "order by id desc", Some(limit))
        .all(db)
        .await
}

/// The same, but of a filter that no index serves at most about the newest `within` jobs of the ledger are looked
/// through, so that the cost does not grow with it. Returns besides where the look ended, as the id before which the
/// next one goes on: older jobs may fit, too.
#[boxed]
pub async fn list_jobs_within(
    db: &Db,
    workspace_id: Uuid,
    filter: &JobFilter,
    limit: usize,
    within: usize,
) -> Result<(Vec<JobRow>, Option<Uuid>)> {
    let oldest = match filter.has_index() {
        true => None,
        false => nth(db, filter.before, within).await?,
    };
    let Some(oldest) = oldest else { return Ok((list_jobs(db, workspace_id, filter, limit).await?, None)) };
    // The millisecond of that job, not the job, which may be another workspace's.
    let oldest = Uuid::from_u128(oldest.as_u128() >> 80 << 80);
    let mut wanted = filter.conditions(db.kind(), workspace_id);
    wanted.and("id >= ?", oldest);
    let jobs =
        wanted.select(&format!("select {} from jobs", job_row!()), "order by id desc", Some(limit)).all(db).await?;
    Ok((jobs, Some(oldest)))
}

/// The last of so many jobs before an id, whosever they are; `None`, if there are fewer.
async fn nth(db: &Db, before: Option<Uuid>, within: usize) -> Result<Option<Uuid>> {
    let skipped = i64::try_from(within.saturating_sub(1)).unwrap_or(i64::MAX);
    let asked = match before {
        Some(before) => {
            query("select id from jobs where id < $2 order by id desc limit 1 offset $1").bind(skipped).bind(before)
        }
        None => query("select id from jobs order by id desc limit 1 offset $1").bind(skipped),
    };
    let found: Option<(Uuid,)> = asked.optional(db).await?;
    Ok(found.map(|(id,)| id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_has_an_index_or_looks_at_every_job() {
        let of = |text: &str| serde_json::from_str::<JobFilter>(text).unwrap().has_index();
        for served in ["{}", r#"{"state":"dead","kind":"a.b"}"#, r#"{"fingerprint":"x","queue":"cpu"}"#] {
            assert!(of(served), "{served}");
        }
        for walked in [r#"{"kind":"a.b"}"#, r#"{"state":"ready","arg":"a:b"}"#, r#"{"state":"succeeded"}"#] {
            assert!(!of(walked), "{walked}");
        }
    }

    #[test]
    fn a_statement_has_only_what_is_asked_for() {
        let filter = JobFilter { state: Some(JobState::Dead), kind: Some("a.b".to_owned()), ..JobFilter::default() };
        let conditions = filter.conditions(EngineKind::Sqlite, Uuid::nil());
        assert_eq!(conditions.sql, "where workspace_id = $1 and kind = $2 and state = 'dead'");
        let none = JobFilter { kind: Some("*".to_owned()), ..JobFilter::default() };
        assert_eq!(none.conditions(EngineKind::Postgres, Uuid::nil()).sql, "where workspace_id = $1");
    }

    #[test]
    fn a_filter_goes_through_json_and_says_itself_in_words() {
        let text = r#"{"kind":"invitation.*","state":"dead","arg":"run_id:x:y"}"#;
        let filter: JobFilter = serde_json::from_str(text).unwrap();
        assert_eq!(filter.arg, Some(ArgFilter { field: "run_id".to_owned(), value: "x:y".to_owned() }));
        assert_eq!(serde_json::to_string(&filter).unwrap(), text);
        assert_eq!(filter.to_string(), "arg=run_id:x:y kind=invitation.* state=dead");
        assert_eq!(JobFilter::default().to_string(), "all jobs");
        for wrong in [r#"{"arg":"nothing"}"#, r#"{"arg":":x"}"#, r#"{"arg":"a\"b:x"}"#, r#"{"kinds":"x"}"#] {
            assert!(serde_json::from_str::<JobFilter>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_a_filter_without_conditions_is_empty() {
        assert!(JobFilter::default().is_empty());
        assert!(JobFilter { before: Some(Uuid::nil()), ..JobFilter::default() }.is_empty());
        assert!(!JobFilter { queue: Some(String::new()), ..JobFilter::default() }.is_empty());
    }

    #[test]
    fn a_time_is_a_place_in_the_order_of_ids() {
        let at = DateTime::from_timestamp_millis(1_772_355_600_123).unwrap();
        let made = herald_base::ids::Ids::seeded(3).uuid(at);
        assert!(first_id(at) <= made);
        assert!(made < first_id(at + chrono::TimeDelta::milliseconds(1)));
    }
}
