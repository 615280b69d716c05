//! Daily reports: a workbook of a local day's leads, of the follow-ups that are due at its end, and of their numbers.

mod pdf;
mod plain;
mod plan;
mod rows;
mod sheet;
mod subscribers;
mod totals;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use herald_base::boxed;
use serde::Serialize;
use thiserror::Error;
use uuid::Uuid;

pub use self::{
    plain::{Fonts, ReportFormat, write_report},
    plan::{ReportPlan, missing_days, report_plan, set_report_plan},
    sheet::write_daily_leads,
    subscribers::{ReportSubscriber, list_subscribers, report_news, subscribe, unsubscribe},
};
use herald_db::{Db, DbError, FromRow, query};
use herald_providers::files::{Area, FilesError, Key, Stored};

/// The kind of the daily reports of leads.
pub const DAILY_LEADS: &str = "daily_leads";

/// Why a report was not written.
#[derive(Debug, Error)]
pub enum ReportError {
    /// The database did not answer.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The workbook cannot have it.
    #[error("the workbook cannot be written: {0}")]
    Workbook(#[from] rust_xlsxwriter::XlsxError),
    /// The file cannot be written.
    #[error("the report cannot be written: {0}")]
    Io(#[from] std::io::Error),
    /// The PDF cannot be drawn.
    #[error(transparent)]
    Paper(#[from] herald_imaging::paper::PaperError),
    /// A PDF is for people.
    #[error(
        "{0} leads and follow-ups are too many for a PDF, which has at most {most}: take the workbook, or CSV",
        most = MOST_ON_PAPER
    )]
    TooMany(usize),
}

/// The leads and follow-ups of a PDF, which is some 700 pages.
const MOST_ON_PAPER: usize = 20_000;

/// A day by the clocks of a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalDay {
    /// The day.
    pub day: NaiveDate,
    /// The zone.
    pub zone: Tz,
}

impl LocalDay {
    /// The day that a moment lies in.
    pub fn at(moment: DateTime<Utc>, zone: Tz) -> Self {
        Self { day: moment.with_timezone(&zone).date_naive(), zone }
    }

    /// The day that `text` names: `today`, `yesterday`, or a date; seen from `now`.
    ///
    /// # Errors
    /// How a day is written.
    pub fn named(text: &str, zone: Tz, now: DateTime<Utc>) -> Result<Self, String> {
        let today = Self::at(now, zone);
        match text.trim() {
            "today" => Ok(today),
            "yesterday" => Ok(Self { day: today.day - Days::new(1), zone }),
            date => NaiveDate::parse_from_str(date, "%Y-%m-%d")
                .map(|day| Self { day, zone })
                .map_err(|_| format!("{date:?} is not a day: write today, yesterday, or a date like 2026-03-01")),
        }
    }

    /// When it begins. Where the clocks skip midnight, it begins with the first moment behind it.
    pub fn begins(&self) -> DateTime<Utc> {
        let midnight = self.day.and_hms_opt(0, 0, 0).expect("a day has a midnight");
        let quarter = TimeDelta::minutes(15);
        let mut times = std::iter::successors(Some(midnight), |at| Some(*at + quarter)).take(24 * 4);
        let begins = times.find_map(|at| self.zone.from_local_datetime(&at).earliest());
        begins.map_or_else(|| midnight.and_utc(), |at| at.to_utc())
    }

    /// When the next day begins.
    pub fn ends(&self) -> DateTime<Utc> {
        Self { day: self.day + Days::new(1), zone: self.zone }.begins()
    }

    /// The name of its report, asked for at a moment: `daily_leads_2026-03-01_180000.xlsx`.
    pub fn report_name(&self, asked_at: DateTime<Utc>) -> String {
        format!("{DAILY_LEADS}_{}_{}.xlsx", self.day, asked_at.with_timezone(&self.zone).format("%H%M%S"))
    }
}

/// A finished report.
#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
pub struct Report {
    /// Its id.
    pub id: Uuid,
    /// What it tells of.
    pub kind: String,
    /// The day, by the clocks of the zone.
    pub day: String,
    /// The zone, as an IANA name.
    pub time_zone: String,
    /// The name of the file.
    pub name: String,
    #[serde(skip)]
    #[schema(ignore)]
    file: String,
    /// The size, in bytes.
    pub bytes: i64,
    /// The SHA-256 of the file, in hex.
    pub sha256: String,
    /// The number of leads.
    pub leads: i64,
    /// When it was made.
    pub made_at: DateTime<Utc>,
}

impl Report {
    /// The day that it is of.
    pub fn local_day(&self) -> Option<LocalDay> {
        Some(LocalDay { day: self.day.parse().ok()?, zone: self.time_zone.parse().ok()? })
    }

    /// The file, to be deleted. `None`: the row names a file of another workspace.
    pub(crate) fn key(&self, workspace_id: Uuid) -> Option<Key> {
        Key::known(workspace_id, &self.file)
    }

    /// The file.
    ///
    /// # Errors
    /// When the row names a file of another workspace.
    pub fn stored(&self, workspace_id: Uuid) -> Result<Stored, FilesError> {
        Stored::of(workspace_id, &self.file)
    }
}

/// Where the workbook of a day lies.
pub fn report_key(workspace_id: Uuid, day: LocalDay) -> Key {
    Key::new(workspace_id, Area::Reports, &format!("{DAILY_LEADS}/{}.xlsx", day.day))
}

/// What is known of a workbook that was written.
#[derive(Clone, Debug)]
pub struct WrittenReport {
    /// The name of the file.
    pub name: String,
    /// The size, in bytes.
    pub bytes: i64,
    /// The SHA-256 of the file, in hex.
    pub sha256: String,
    /// The number of leads.
    pub leads: i64,
}

/// Notes a report whose file lies at its place. An earlier one of the day is replaced.
#[boxed]
pub async fn note_report(db: &Db, workspace_id: Uuid, day: LocalDay, written: WrittenReport) -> Result<Uuid, DbError> {
    let mut tx = db.begin().await?;
    let (id, now) = (tx.db().new_id(), tx.db().now());
    query(
        "insert into reports (id, workspace_id, kind, day, time_zone, name, file, bytes, sha256, leads, made_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict (workspace_id, kind, day) do update set time_zone = excluded.time_zone, name = excluded.name,
           file = excluded.file, bytes = excluded.bytes, sha256 = excluded.sha256, leads = excluded.leads,
           made_at = excluded.made_at",
    )
    .bind(id)
    .bind(workspace_id)
    .bind(DAILY_LEADS)
    .bind(day.day.to_string())
    .bind(day.zone.name())
    .bind(written.name.as_str())
    .bind(report_key(workspace_id, day).as_str())
    .bind(written.bytes)
    .bind(written.sha256.as_str())
    .bind(written.leads)
    .bind(now)
    .execute(&mut tx)
    .await?;
    let (id,): (Uuid,) = query("select id from reports where workspace_id = $1 and kind = $2 and day = $3")
        .bind(workspace_id)
        .bind(DAILY_LEADS)
        .bind(day.day.to_string())
        .one(&mut tx)
        .await?;
    tx.commit().await?;
    Ok(id)
}

const COLUMNS: &str = "id, kind, day, time_zone, name, file, bytes, sha256, leads, made_at";

/// A report of a workspace.
#[boxed]
pub async fn find_report(db: &Db, workspace_id: Uuid, id: Uuid) -> Result<Option<Report>, DbError> {
    query(&format!("select {COLUMNS} from reports where workspace_id = $1 and id = $2"))
        .bind(workspace_id)
        .bind(id)
        .optional(db)
        .await
}

/// The reports of a workspace, the latest day first, at most `limit`, of days before `before`.
#[boxed]
pub async fn list_reports(
    db: &Db,
    workspace_id: Uuid,
    before: Option<String>,
    limit: usize,
) -> Result<Vec<Report>, DbError> {
    query(&format!(
        "select {COLUMNS} from reports where workspace_id = $1 and ($2 is null or day < $2) order by day desc limit $3"
    ))
    .bind(workspace_id)
    .bind(before)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .all(db)
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str, zone: Tz) -> LocalDay {
        LocalDay { day: text.parse().unwrap(), zone }
    }

    #[test]
    fn a_day_is_as_long_as_its_zone_makes_it() {
        let hours = |day: LocalDay| (day.ends() - day.begins()).num_hours();
        assert_eq!(hours(day("2026-03-01", Tz::Europe__Madrid)), 24);
        assert_eq!(hours(day("2026-03-29", Tz::Europe__Madrid)), 23);
        assert_eq!(hours(day("2026-10-25", Tz::Europe__Madrid)), 25);
        // The clocks of Beirut skip midnight.
        let beirut = day("2026-03-29", Tz::Asia__Beirut);
        assert_eq!((beirut.begins().to_rfc3339(), hours(beirut)), ("2026-03-28T22:00:00+00:00".to_owned(), 23));
    }

    #[test]
    fn days_are_named_by_the_clocks_of_the_zone() {
        let now = "2026-03-01T23:30:00Z".parse().unwrap();
        let named = |text: &str, zone| LocalDay::named(text, zone, now).map(|day| day.day.to_string());
        assert_eq!(named("today", Tz::UTC), Ok("2026-03-01".into()));
        assert_eq!(named("today", Tz::Asia__Tokyo), Ok("2026-03-02".into()));
        assert_eq!(named("yesterday", Tz::Asia__Tokyo), Ok("2026-03-01".into()));
        assert_eq!(named("2026-02-28", Tz::UTC), Ok("2026-02-28".into()));
        assert!(named("soon", Tz::UTC).unwrap_err().contains("2026-03-01"));
        let name = day("2026-03-01", Tz::Asia__Tokyo).report_name(now);
        assert_eq!(name, "daily_leads_2026-03-01_083000.xlsx");
    }
}
