//! Finding leads, those to be followed up, and their numbers.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use herald_base::boxed;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Lead, Outcome, Result,
    lead::{lead_row, lead_tables},
    status::name_key,
};
use herald_db::{Db, FromRow, Query, Value, contains, query};
use herald_sheets::email_key;

/// Which leads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LeadFilter {
    /// Those in this status, by its name.
    pub status: Option<String>,
    /// Those whose status counts as this.
    pub stands_for: Option<Outcome>,
    /// Those that this member looks after.
    pub owner_id: Option<Uuid>,
    /// Those that nobody looks after.
    pub without_owner: bool,
    /// Those from this source.
    pub source: Option<String>,
    /// Those of this contact.
    pub contact_id: Option<Uuid>,
    /// Those whose need or whose contact's name or e-mail address has this text. It is looked for in every lead that
    /// the other conditions leave.
    pub text: Option<String>,
    /// Those made at or after this time.
    pub created_after: Option<DateTime<Utc>>,
    /// Those made before this time.
    pub created_before: Option<DateTime<Utc>>,
}

/// Which follow-ups: by how far off their time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Its time has passed.
    Overdue,
    /// It is due today, by the clocks of its zone, or overdue.
    Today,
    /// At any time.
    Ever,
}

/// What a filter lets through, as the `where` of a statement.
pub(crate) struct Conditions {
    sql: String,
    values: Vec<Value>,
}

impl Conditions {
    pub(crate) fn of(workspace_id: Uuid, filter: &LeadFilter) -> Self {
        let mut all = Self { sql: "l.workspace_id = $1".to_owned(), values: vec![workspace_id.into()] };
        if let Some(status) = &filter.status {
            all.and("s.name_key = ?", name_key(status));
        }
        if let Some(outcome) = filter.stands_for {
            all.and("s.stands_for = ?", outcome.as_str());
        }
        if let Some(owner) = filter.owner_id {
            all.and("l.owner_id = ?", owner);
        }
        if filter.without_owner {
            all.sql.push_str(" and l.owner_id is null");
        }
        if let Some(source) = &filter.source {
            all.and("l.source = ?", source.as_str());
        }
        if let Some(contact) = filter.contact_id {
            all.and("l.contact_id = ?", contact);
        }
        if let Some(text) = filter.text.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
            let need = all.bind(contains(&name_key(text)));
            let name = all.bind(contains(&herald_sheets::find_key(text)));
            let email = all.bind(email_key(text));
            let named = match herald_sheets::find_key(text).is_empty() {
                true => String::new(),
                false => format!(" or c.find_key like {name} escape '\\'"),
            };
            all.sql.push_str(&format!(" and (l.need_key like {need} escape '\\' or c.email = {email}{named})"));
        }
        if let Some(after) = filter.created_after {
            all.and("l.created_at >= ?", after);
        }
        if let Some(before) = filter.created_before {
            all.and("l.created_at < ?", before);
        }
        all
    }

    pub(crate) fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    pub(crate) fn and(&mut self, condition: &str, value: impl Into<Value>) {
        let value = self.bind(value);
        self.sql.push_str(&format!(" and {}", condition.replace('?', &value)));
    }

    /// `select … where … order …`, to be run once: its plan depends on the values.
    pub(crate) fn query(self, select: &str, order: &str) -> Query {
        let sql = format!("{select} where {} {order}", self.sql);
        self.values.into_iter().fold(query(&sql).once(), Query::bind)
    }
}

const ROWS: &str = concat!("select ", lead_row!(), " from ", lead_tables!());

/// A workspace's leads, the newest first, at most `limit`, from before the lead `before`.
#[boxed]
pub async fn list_leads(
    db: &Db,
    workspace_id: Uuid,
    filter: &LeadFilter,
    before: Option<Uuid>,
    limit: usize,
) -> Result<Vec<Lead>> {
    let mut conditions = Conditions::of(workspace_id, filter);
    if let Some(before) = before {
        conditions.and("l.id < ?", before);
    }
    let limit = conditions.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    Ok(conditions.query(ROWS, &format!("order by l.id desc limit {limit}")).all(db).await?)
}

/// A follow-up's place in the list of follow-ups.
pub type FollowUpCursor = (DateTime<Utc>, Uuid);

/// Open leads to be followed up, the earliest first: at most `limit` from behind `after`, and the place where the next
/// ones begin.
#[boxed]
pub async fn list_follow_ups(
    db: &Db,
    workspace_id: Uuid,
    filter: &LeadFilter,
    due: Due,
    after: Option<FollowUpCursor>,
    limit: usize,
) -> Result<(Vec<Lead>, Option<FollowUpCursor>)> {
    let now = db.now();
    let mut conditions = Conditions::of(workspace_id, filter);
    conditions.sql.push_str(" and l.follow_up_at is not null and s.stands_for = 'open'");
    match due {
        Due::Overdue => conditions.and("l.follow_up_at < ?", now),
        // Nobody's day ends later than that; whose day it is, the zone of each lead says.
        Due::Today => conditions.and("l.follow_up_at < ?", now + TimeDelta::hours(26)),
        Due::Ever => {}
    }
    if let Some((at, id)) = after {
        let (at, id) = (conditions.bind(at), conditions.bind(id));
        conditions.sql.push_str(&format!(" and (l.follow_up_at > {at} or (l.follow_up_at = {at} and l.id > {id}))"));
    }
    let most = conditions.bind(i64::try_from(limit + 1).unwrap_or(i64::MAX));
    let mut rows: Vec<Lead> =
        conditions.query(ROWS, &format!("order by l.follow_up_at, l.id limit {most}")).all(db).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().and_then(|row| Some((row.follow_up_at?, row.id))).filter(|_| more);
    if due == Due::Today {
        rows.retain(|row| is_due_today(row, now));
    }
    Ok((rows, next))
}

/// Whether a follow-up is overdue, or of the day that it is now in its zone.
pub fn is_due_today(lead: &Lead, now: DateTime<Utc>) -> bool {
    let Some(at) = lead.follow_up_at else { return false };
    let zone: Tz = lead.follow_up_zone.as_deref().and_then(|zone| zone.parse().ok()).unwrap_or(Tz::UTC);
    at <= now || at.with_timezone(&zone).date_naive() == now.with_timezone(&zone).date_naive()
}

/// How many leads, and what they are worth.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize, utoipa::ToSchema)]
pub struct LeadCount {
    /// The status, source or owner; `null`: leads without one.
    pub of: Option<String>,
    /// The currency of the values; `null`: leads without a value.
    pub currency: Option<String>,
    /// The number of leads.
    pub leads: i64,
    /// The sum of their values, in the smallest unit of the currency.
    pub value_minor: i64,
}

herald_base::text_enum! {
    /// By what leads are counted.
    pub enum CountBy, "leads are not counted by {:?}" {
        /// Their status.
        Status "status",
        /// Their source.
        Source "source",
        /// The member who looks after them.
        Owner "owner",
    }
}

/// The numbers of the leads that a filter lets through: the same as in its list.
#[boxed]
pub async fn count_leads(db: &Db, workspace_id: Uuid, filter: &LeadFilter, by: CountBy) -> Result<Vec<LeadCount>> {
    let of = match by {
        CountBy::Status => "s.name",
        CountBy::Source => "l.source",
        CountBy::Owner => "cast(l.owner_id as text)",
    };
    // PostgreSQL's sum of whole numbers is a decimal.
    let select = format!(
        "select {of} as of, l.currency, count(*) as leads, cast(coalesce(sum(l.value_minor), 0) as bigint) as \
         value_minor from {}",
        lead_tables!()
    );
    let counts = Conditions::of(workspace_id, filter).query(&select, &format!("group by {of}, l.currency"));
    let mut counts: Vec<LeadCount> = counts.all(db).await?;
    counts.sort_by(|one, other| other.leads.cmp(&one.leads).then_with(|| one.of.cmp(&other.of)));
    Ok(counts)
}
