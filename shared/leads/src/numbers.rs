//! What leads come to in numbers: the same as in their list under the same filter. Nobody is named in them.

use chrono::{DateTime, Days, Utc};
use chrono_tz::Tz;
use herald_base::boxed;
use serde::Serialize;

use super::{CountBy, LeadFilter, LocalDay, Outcome, Result, count_leads, lead::lead_tables, list::Conditions};
use herald_db::{Db, EngineKind};
use uuid::Uuid;

/// The days that are counted one by one, at most.
pub const MOST_DAYS: u64 = 92;

/// Leads that have something in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LeadShare {
    /// The status or the source; `null`: leads without a source.
    pub of: Option<String>,
    /// The number of leads.
    pub leads: i64,
}

/// The leads of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LeadsOfDay {
    /// The day, by the clocks of the zone, as `YYYY-MM-DD`.
    pub day: String,
    /// The number of leads that were made on it.
    pub leads: i64,
}

herald_base::text_enum! {
    /// How long it took until somebody first did something about a lead.
    pub enum Answered, "a lead is not answered within {:?}" {
        /// Within an hour.
        Hour "hour",
        /// Within four hours.
        FourHours "four_hours",
        /// Within a day of 24 hours.
        Day "day",
        /// Within three days.
        ThreeDays "three_days",
        /// Later.
        Later "later",
        /// Not yet.
        NotYet "not_yet",
    }
}

/// Leads by the time to their first answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LeadsAnswered {
    /// How long it took.
    pub within: Answered,
    /// The number of leads.
    pub leads: i64,
}

/// Leads in numbers.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct LeadNumbers {
    /// All leads that the filter lets through.
    pub leads: i64,
    /// Those of which something may come.
    pub open: i64,
    /// Those that became customers.
    pub won: i64,
    /// Those of which nothing came.
    pub lost: i64,
    /// The won leads divided by the won and lost leads, from 0 to 1; `null` while no lead has ended.
    pub conversion: Option<f64>,
    /// By status, the largest first.
    pub by_status: Vec<LeadShare>,
    /// By source, the largest first.
    pub by_source: Vec<LeadShare>,
    /// By day, the earliest first, also days without a lead. Leads of earlier days are in no day.
    pub by_day: Vec<LeadsOfDay>,
    /// By the time to the first answer.
    pub answers: Vec<LeadsAnswered>,
    /// When these numbers were counted.
    pub as_of: DateTime<Utc>,
}

/// Counts the leads that a filter lets through. `days` is the number of local days, with today, that are counted one by
/// one, at most [`MOST_DAYS`].
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn lead_numbers(
    db: &Db,
    workspace_id: Uuid,
    filter: &LeadFilter,
    zone: Tz,
    days: u64,
) -> Result<LeadNumbers> {
    let now = db.now();
    let by_status = shares(db, workspace_id, filter, CountBy::Status).await?;
    let by_source = shares(db, workspace_id, filter, CountBy::Source).await?;
    let outcomes: Vec<(String, i64)> = Conditions::of(workspace_id, filter)
        .query(concat!("select s.stands_for, count(*) from ", lead_tables!()), "group by s.stands_for")
        .all(db)
        .await?;
    let of =
        |outcome: Outcome| outcomes.iter().find(|(name, _)| name == outcome.as_str()).map_or(0, |(_, leads)| *leads);
    let (open, won, lost) = (of(Outcome::Open), of(Outcome::Won), of(Outcome::Lost));
    Ok(LeadNumbers {
        leads: open + won + lost,
        open,
        won,
        lost,
        conversion: share(won, won + lost),
        by_status,
        by_source,
        by_day: of_days(db, workspace_id, filter, LocalDay::at(now, zone), days.clamp(1, MOST_DAYS)).await?,
        answers: answers(db, workspace_id, filter).await?,
        as_of: now,
    })
}

#[expect(clippy::cast_precision_loss, reason = "nobody has so many leads")]
fn share(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// By status or source, whatever their currency.
async fn shares(db: &Db, workspace_id: Uuid, filter: &LeadFilter, by: CountBy) -> Result<Vec<LeadShare>> {
    let mut shares: Vec<LeadShare> = Vec::new();
    for count in count_leads(db, workspace_id, filter, by).await? {
        match shares.iter_mut().find(|share| share.of == count.of) {
            Some(share) => share.leads += count.leads,
            None => shares.push(LeadShare { of: count.of, leads: count.leads }),
        }
    }
    shares.sort_by(|one, other| other.leads.cmp(&one.leads).then_with(|| one.of.cmp(&other.of)));
    Ok(shares)
}

async fn of_days(
    db: &Db,
    workspace_id: Uuid,
    filter: &LeadFilter,
    today: LocalDay,
    days: u64,
) -> Result<Vec<LeadsOfDay>> {
    let all: Vec<LocalDay> =
        (0..days).rev().map(|back| LocalDay { day: today.day - Days::new(back), zone: today.zone }).collect();
    let mut conditions = Conditions::of(workspace_id, filter);
    let (first, end) = (all[0].begins(), today.ends());
    conditions.and("l.created_at >= ?", first);
    conditions.and("l.created_at < ?", end);
    let mut which = "case".to_owned();
    for (number, day) in all.iter().enumerate() {
        let ends = conditions.bind(day.ends());
        which.push_str(&format!(" when l.created_at < {ends} then {number}"));
    }
    // A number of eight bytes on both engines.
    let select = format!("select cast({which} end as bigint) as day, count(*) from {}", lead_tables!());
    let counts: Vec<(i64, i64)> = conditions.query(&select, "group by 1").all(db).await?;
    let of = |number: usize| {
        counts.iter().find(|(day, _)| usize::try_from(*day) == Ok(number)).map_or(0, |(_, leads)| *leads)
    };
    let named = all.iter().enumerate();
    Ok(named.map(|(number, day)| LeadsOfDay { day: day.day.to_string(), leads: of(number) }).collect())
}

async fn answers(db: &Db, workspace_id: Uuid, filter: &LeadFilter) -> Result<Vec<LeadsAnswered>> {
    // Half a second is more than either engine is off by.
    let seconds = match db.kind() {
        EngineKind::Postgres => "extract(epoch from (l.first_answer_at - l.created_at)) - 0.5",
        EngineKind::Sqlite => "(julianday(l.first_answer_at) - julianday(l.created_at)) * 86400.0 - 0.5",
    };
    let select = format!(
        "select case when l.first_answer_at is null then 'not_yet' when {seconds} <= 3600 then 'hour'
           when {seconds} <= 14400 then 'four_hours' when {seconds} <= 86400 then 'day'
           when {seconds} <= 259200 then 'three_days' else 'later' end as within, count(*) from {}",
        lead_tables!()
    );
    let counts: Vec<(String, i64)> = Conditions::of(workspace_id, filter).query(&select, "group by 1").all(db).await?;
    let of = |within: &Answered| counts.iter().find(|(name, _)| name == within.as_str()).map_or(0, |(_, leads)| *leads);
    Ok(Answered::ALL.iter().map(|within| LeadsAnswered { within: *within, leads: of(within) }).collect())
}
