//! Reminders of follow-ups: when the time of one has come, the owner of the lead is told once.
//!
//! A lead remembers of which follow-up its owner was reminded (`reminded_of`). The leads that are due are found in an
//! index of those that remember another one, or none. The notification and the mark are one transaction, so that it
//! makes no difference how many processes look, and when they are stopped. Who changes what a reminder depends on (the
//! time, the owner, a status that counts as open again) empties the mark.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use herald_base::boxed;
use herald_notifications::{ByMail, NewNotification, NotifyError, notify};
use thiserror::Error;
use uuid::Uuid;

use herald_db::{Bulk, Db, DbError, FromRow, query};

/// Follow-ups that have been due for longer than this remind nobody: the list of follow-ups has them.
const LATEST: TimeDelta = TimeDelta::days(30);

/// Why nobody was reminded.
#[derive(Debug, Error)]
pub enum RemindError {
    /// The notifications cannot be made.
    #[error(transparent)]
    Notify(#[from] NotifyError),
    /// The database refused.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// What was done about follow-ups that are due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reminded {
    /// The follow-ups that were found due.
    pub due: usize,
    /// The people who were told of one.
    pub told: usize,
}

#[derive(FromRow)]
struct Due {
    id: Uuid,
    workspace_id: Uuid,
    follow_up_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct Owned {
    id: Uuid,
    workspace_id: Uuid,
    owner_id: Uuid,
    follow_up_at: DateTime<Utc>,
    follow_up_zone: Option<String>,
    need: String,
    name: String,
}

/// Reminds the owners of leads whose follow-up has come due, in all workspaces: of at most `limit`, the earliest first.
///
/// # Errors
/// [`RemindError`]. Then nobody was told, and the next call begins again.
#[boxed]
pub async fn remind_due(db: &Db, limit: usize) -> Result<Reminded, RemindError> {
    let now = db.now();
    let due: Vec<Due> = query(
        "select id, workspace_id, follow_up_at from leads
         where follow_up_at is not null and (reminded_of is null or reminded_of <> follow_up_at)
           and follow_up_at <= $1 order by follow_up_at limit $2",
    )
    .bind(now)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .all(db)
    .await?;
    if due.is_empty() {
        return Ok(Reminded::default());
    }
    let found = due.len();
    let mut tx = db.begin().await?;
    // Of several processes that found a lead, one marks it.
    let mut marked: Vec<Due> = of_rows(
        "update leads set reminded_of = follow_up_at from {rows}
         where leads.workspace_id = rows.workspace_id and leads.id = rows.lead and leads.follow_up_at = rows.due
           and (reminded_of is null or reminded_of <> follow_up_at)
         returning leads.id, leads.workspace_id, leads.follow_up_at",
        due,
    )
    .all(&mut tx)
    .await?;
    marked.retain(|lead| now - lead.follow_up_at < LATEST);
    let owned: Vec<Owned> = of_rows(
        "select l.id, l.workspace_id, l.owner_id, l.follow_up_at, l.follow_up_zone, l.need, c.name
         from {rows} join leads as l on l.workspace_id = rows.workspace_id and l.id = rows.lead
           join lead_statuses as s on s.workspace_id = l.workspace_id and s.id = l.status_id and s.stands_for = 'open'
           join contacts as c on c.workspace_id = l.workspace_id and c.id = l.contact_id and c.trashed_at is null
         where l.owner_id is not null and l.follow_up_at = rows.due",
        marked,
    )
    .all(&mut tx)
    .await?;
    let told = notify(&mut tx, owned.into_iter().map(reminder).collect()).await?;
    tx.commit().await?;
    Ok(Reminded { due: found, told })
}

/// A statement over leads, in the order of their ids.
fn of_rows(sql: &'static str, mut leads: Vec<Due>) -> Bulk {
    leads.sort_by_key(|lead| lead.id);
    Bulk::new(sql)
        .column("lead", leads.iter().map(|lead| lead.id).collect())
        .column("workspace_id", leads.iter().map(|lead| lead.workspace_id).collect())
        .column("due", leads.iter().map(|lead| lead.follow_up_at).collect())
}

fn reminder(lead: Owned) -> NewNotification {
    let zone: Tz = lead.follow_up_zone.as_deref().and_then(|zone| zone.parse().ok()).unwrap_or(Tz::UTC);
    let at = lead.follow_up_at.with_timezone(&zone);
    let need = if lead.need.is_empty() { String::new() } else { format!(": {}", lead.need) };
    NewNotification {
        workspace_id: lead.workspace_id,
        user_id: lead.owner_id,
        kind: "lead.follow_up",
        key: format!("lead.follow_up:{}:{}", lead.id, lead.follow_up_at.timestamp_micros()),
        title: format!("Follow up with {}, due {} ({zone}){need}", lead.name, at.format("%-d %B, %H:%M")),
        link: format!("/leads/{}", lead.id),
        by_mail: ByMail::IfWanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reminder_tells_the_time_by_the_clocks_of_the_follow_up() {
        let of = |zone: Option<&str>, need: &str| {
            let lead = Owned {
                id: Uuid::from_u128(7),
                workspace_id: Uuid::nil(),
                owner_id: Uuid::nil(),
                follow_up_at: "2026-07-02T07:30:00Z".parse().unwrap(),
                follow_up_zone: zone.map(str::to_owned),
                need: need.to_owned(),
                name: "Amélie Example".to_owned(),
            };
            reminder(lead).title
        };
        assert_eq!(
            of(Some("Europe/Madrid"), "Dinner"),
            "Follow up with Amélie Example, due 2 July, 09:30 (Europe/Madrid): Dinner"
        );
        assert_eq!(of(None, ""), "Follow up with Amélie Example, due 2 July, 07:30 (UTC)");
    }
}
