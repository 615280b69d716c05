//! The rows of a report, page by page.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use uuid::Uuid;

use herald_db::{Db, FromRow, Result, query};

/// Rows read at once.
pub(super) const PAGE: usize = 1_000;

/// A lead as a report tells of it.
#[derive(Clone, Debug, FromRow)]
pub(super) struct ReportRow {
    pub(super) id: Uuid,
    /// What the page is ordered by.
    pub(super) at: DateTime<Utc>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) follow_up_at: Option<DateTime<Utc>>,
    pub(super) name: String,
    pub(super) email: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) need: String,
    pub(super) status: String,
    pub(super) value_minor: Option<i64>,
    pub(super) currency: Option<String>,
    pub(super) source: Option<String>,
    pub(super) owner: Option<String>,
}

/// Which leads.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// Those that were made from a time to another.
    Made(DateTime<Utc>, DateTime<Utc>),
    /// Open ones whose follow-up lies before a time.
    Due(DateTime<Utc>),
}

/// The next rows of a part behind `after`, the earliest first.
#[boxed]
pub(super) async fn page(
    db: &Db,
    workspace_id: Uuid,
    part: Part,
    after: Option<(DateTime<Utc>, Uuid)>,
) -> Result<Vec<ReportRow>> {
    let (column, more, from, to) = match part {
        Part::Made(from, to) => ("l.created_at", "", from, to),
        Part::Due(to) => ("l.follow_up_at", " and s.stands_for = 'open'", DateTime::UNIX_EPOCH, to),
    };
    let (at, id) = after.unwrap_or((from, Uuid::nil()));
    query(&format!(
        "select l.id, {column} as at, l.created_at, l.follow_up_at, c.name, c.email, c.phone, l.need,
                s.name as status, l.value_minor, l.currency, l.source,
                (select u.email from users as u where u.id = l.owner_id) as owner
         from leads as l join contacts as c on c.workspace_id = l.workspace_id and c.id = l.contact_id
         join lead_statuses as s on s.workspace_id = l.workspace_id and s.id = l.status_id
         where l.workspace_id = $1 and {column} >= $2 and {column} < $3{more}
           and ({column} > $2 or l.id > $4) order by {column}, l.id limit $5"
    ))
    .bind(workspace_id)
    .bind(at)
    .bind(to)
    .bind(id)
    .bind(i64::try_from(PAGE).unwrap_or(i64::MAX))
    .all(db)
    .await
}
