//! The members who get the daily report by mail.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use herald_notifications::{ByMail, NewNotification};
use serde::Serialize;
use uuid::Uuid;

use super::{DAILY_LEADS, LocalDay};
use herald_db::{Db, DbError, FromRow, query};
use herald_ledger::audit::{self, Actor, Entry};

/// A member who gets the daily report.
#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
pub struct ReportSubscriber {
    /// The id of the user.
    pub user_id: Uuid,
    /// The address to which the mails go.
    pub email: String,
    /// The username, if the person has one.
    pub username: Option<String>,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

/// The members of a workspace who get the daily report, by address. A viewer may not read reports, and gets none.
#[boxed]
pub async fn list_subscribers(db: &Db, workspace_id: Uuid) -> Result<Vec<ReportSubscriber>, DbError> {
    query(
        "select s.user_id, u.email, u.username, s.created_at from report_subscribers as s
           join users as u on u.id = s.user_id and u.state = 'active'
           join members as m on m.workspace_id = s.workspace_id and m.user_id = s.user_id and m.role <> 'viewer'
         where s.workspace_id = $1 order by u.email",
    )
    .bind(workspace_id)
    .all(db)
    .await
}

/// Has a member of the workspace get the daily report from now on. False: the person may read no reports here.
#[boxed]
pub async fn subscribe(db: &Db, actor: &Actor, user_id: Uuid) -> Result<bool, DbError> {
    let mut tx = db.begin().await?;
    let now = tx.db().now();
    let member: Option<(Uuid,)> =
        query("select user_id from members where workspace_id = $1 and user_id = $2 and role <> 'viewer'")
            .bind(actor.workspace_id)
            .bind(user_id)
            .optional(&mut tx)
            .await?;
    if member.is_none() {
        return Ok(false);
    }
    let added = query(
        "insert into report_subscribers (workspace_id, user_id, created_at) values ($1, $2, $3)
         on conflict (workspace_id, user_id) do nothing",
    )
    .bind(actor.workspace_id)
    .bind(user_id)
    .bind(now)
    .execute(&mut tx)
    .await?;
    if added > 0 {
        audit::record(&mut tx, actor, Entry::of("report.subscribe", user_id)).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// Has a person get no daily report any more. False: they got none.
#[boxed]
pub async fn unsubscribe(db: &Db, actor: &Actor, user_id: Uuid) -> Result<bool, DbError> {
    let mut tx = db.begin().await?;
    let gone = query("delete from report_subscribers where workspace_id = $1 and user_id = $2")
        .bind(actor.workspace_id)
        .bind(user_id)
        .execute(&mut tx)
        .await?;
    if gone > 0 {
        audit::record(&mut tx, actor, Entry::of("report.unsubscribe", user_id)).await?;
    }
    tx.commit().await?;
    Ok(gone > 0)
}

/// What the subscribers are told of a finished report. Each is told of a day once, however often its report is made.
#[boxed]
pub async fn report_news(
    db: &Db,
    workspace_id: Uuid,
    day: LocalDay,
    report_id: Uuid,
    leads: i64,
) -> Result<Vec<NewNotification>, DbError> {
    let subscribers = list_subscribers(db, workspace_id).await?;
    let number = match leads {
        1 => "1 new lead".to_owned(),
        number => format!("{number} new leads"),
    };
    let news = subscribers.into_iter().map(|subscriber| NewNotification {
        workspace_id,
        user_id: subscriber.user_id,
        kind: "report.daily_leads",
        key: format!("report.{DAILY_LEADS}:{}", day.day),
        title: format!("Leads of {}: {number}", day.day.format("%-d %B %Y")),
        link: format!("/leads/reports/{report_id}"),
        by_mail: ByMail::Always,
    });
    Ok(news.collect())
}
