//! The notifications of a person: made once by their key, listed, read.

use chrono::{DateTime, TimeDelta, Utc};
use herald_base::{boxed, telemetry::catalog::NOTIFICATIONS};
use serde::Serialize;
use thiserror::Error;
use uuid::Uuid;

use super::{MailState, jobs::NotificationMail};
use herald_db::{Bulk, Db, DbError, FromRow, Result, Tx, query};
use herald_ledger::{self as ledger, LedgerError, Payload};

/// The longest title, in characters; a longer one is cut.
const LONGEST_TITLE: usize = 300;
/// For how long notifications are kept, in days.
const KEPT_DAYS: i64 = 180;

/// Something that a person was told.
#[derive(Clone, Debug, FromRow, Serialize, utoipa::ToSchema)]
pub struct Notification {
    /// Its id.
    pub id: Uuid,
    /// What it is about, as `thing.event`.
    pub kind: String,
    /// What it says.
    pub title: String,
    /// The page of the console that it leads to, below those of the workspace.
    pub link: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When the person read it.
    pub read_at: Option<DateTime<Utc>>,
    /// What became of its mail.
    #[sqlx(try_from = "String")]
    pub mail: MailState,
}

/// Whether a notification goes by mail, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByMail {
    /// If the person wants mails.
    IfWanted,
    /// In any case: the person has asked for this one.
    Always,
}

/// Something to tell a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNotification {
    /// The workspace.
    pub workspace_id: Uuid,
    /// The person. One who is not an active member of the workspace is told nothing.
    pub user_id: Uuid,
    /// What it is about, as `thing.event`.
    pub kind: &'static str,
    /// What makes a second notification the same one.
    pub key: String,
    /// What it says.
    pub title: String,
    /// The page of the console that it leads to, below those of the workspace, such as `/leads`.
    pub link: String,
    /// Whether it goes by mail.
    pub by_mail: ByMail,
}

/// Why nobody was told.
#[derive(Debug, Error)]
pub enum NotifyError {
    /// The mails cannot be enqueued.
    #[error("the mails of notifications cannot be enqueued: {0}")]
    Mails(#[source] LedgerError),
    /// The database refused.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Tells people something, in the transaction in which it happens, and puts their mails into the ledger. Returns how
/// many notifications are new: what a person was told before, by the key, is left as it is.
///
/// # Errors
/// [`NotifyError`].
#[boxed]
pub async fn notify(tx: &mut Tx, mut new: Vec<NewNotification>) -> std::result::Result<usize, NotifyError> {
    // In one order everywhere, so that two transactions never wait for each other.
    new.sort_by(|one, other| {
        (one.workspace_id, one.user_id, &one.key).cmp(&(other.workspace_id, other.user_id, &other.key))
    });
    let now = tx.db().now();
    let ids: Vec<Uuid> = new.iter().map(|_| tx.db().new_id()).collect();
    let texts = |of: fn(&NewNotification) -> String| new.iter().map(of).collect::<herald_db::Column>();
    let made: Vec<(Uuid,)> = Bulk::new(
        "insert into notifications (id, workspace_id, user_id, kind, key, title, link, created_at, mail)
         select rows.id, rows.workspace_id, rows.user_id, rows.kind, rows.key, rows.title, rows.link, rows.at, 'waiting'
         from {rows} join members as m on m.workspace_id = rows.workspace_id and m.user_id = rows.user_id
           join users as u on u.id = rows.user_id and u.state = 'active'
         where true on conflict (workspace_id, user_id, key) do nothing returning id",
    )
    .column("id", ids.iter().copied().collect())
    .column("workspace_id", new.iter().map(|one| one.workspace_id).collect())
    .column("user_id", new.iter().map(|one| one.user_id).collect())
    .column("kind", texts(|one| one.kind.to_owned()))
    .column("key", texts(|one| one.key.clone()))
    .column("title", texts(|one| cut(&one.title)))
    .column("link", texts(|one| one.link.clone()))
    .column("at", new.iter().map(|_| now).collect())
    .all(&mut *tx)
    .await?;
    let made: std::collections::HashSet<Uuid> = made.into_iter().map(|(id,)| id).collect();
    let mut mails = Vec::with_capacity(made.len());
    for (id, one) in ids.iter().zip(&new).filter(|(id, _)| made.contains(id)) {
        NOTIFICATIONS.add([one.kind], 1);
        let mail = NotificationMail { notification_id: *id, always: one.by_mail == ByMail::Always };
        mails.push(mail.job(one.workspace_id));
    }
    ledger::enqueue(tx, mails).await.map_err(|error| match error {
        LedgerError::Db(error) => NotifyError::Db(error),
        error => NotifyError::Mails(error),
    })?;
    Ok(made.len())
}

/// A title of a length that a page and a subject can show.
fn cut(title: &str) -> String {
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    if title.chars().count() <= LONGEST_TITLE {
        return title;
    }
    let mut short: String = title.chars().take(LONGEST_TITLE - 1).collect();
    short.push('…');
    short
}

/// What a person was told in a workspace, the newest first, at most `limit`, from before the notification `before`.
#[boxed]
pub async fn list_notifications(
    db: &Db,
    (workspace_id, user_id): (Uuid, Uuid),
    only_unread: bool,
    before: Option<Uuid>,
    limit: usize,
) -> Result<Vec<Notification>> {
    let unread = if only_unread { "and read_at is null" } else { "" };
    query(&format!(
        "select id, kind, title, link, created_at, read_at, mail from notifications
         where workspace_id = $1 and user_id = $2 and ($3 is null or id < $3) {unread} order by id desc limit $4"
    ))
    .bind(workspace_id)
    .bind(user_id)
    .bind(before)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .all(db)
    .await
}

/// How many notifications a person has not read, by workspace. Workspaces without one are left out.
#[boxed]
pub async fn unread_counts(db: &Db, user_id: Uuid) -> Result<Vec<(Uuid, i64)>> {
    query(
        "select workspace_id, count(*) from notifications where user_id = $1 and read_at is null group by workspace_id",
    )
    .bind(user_id)
    .all(db)
    .await
}

/// Notes that a person has read a notification of theirs. False: they have no such notification.
#[boxed]
pub async fn mark_read(db: &Db, user_id: Uuid, id: Uuid) -> Result<bool> {
    let mut tx = db.begin().await?;
    let found = query("update notifications set read_at = coalesce(read_at, $3) where user_id = $1 and id = $2")
        .bind(user_id)
        .bind(id)
        .bind(db.now())
        .execute(&mut tx)
        .await?;
    tx.commit().await?;
    Ok(found > 0)
}

/// Notes that a person has read all that they were told in a workspace. Returns how many they had not read.
#[boxed]
pub async fn mark_all_read(db: &Db, workspace_id: Uuid, user_id: Uuid) -> Result<u64> {
    let mut tx = db.begin().await?;
    let read =
        query("update notifications set read_at = $3 where workspace_id = $1 and user_id = $2 and read_at is null")
            .bind(workspace_id)
            .bind(user_id)
            .bind(db.now())
            .execute(&mut tx)
            .await?;
    tx.commit().await?;
    Ok(read)
}

/// What members of a workspace were told about these pages.
#[boxed]
pub async fn notifications_about(tx: &mut Tx, workspace_id: Uuid, links: Vec<String>) -> Result<Vec<Notification>> {
    Bulk::new(
        "select n.id, n.kind, n.title, n.link, n.created_at, n.read_at, n.mail from {rows}
         join notifications as n on n.workspace_id = rows.workspace_id and n.link = rows.link
         where n.workspace_id = rows.workspace_id order by n.id",
    )
    .column("workspace_id", links.iter().map(|_| workspace_id).collect())
    .column("link", links.into_iter().collect())
    .all(tx)
    .await
}

/// Removes what members of a workspace were told about these pages. A mail that waits is not sent any more.
#[boxed]
pub async fn forget_about(tx: &mut Tx, workspace_id: Uuid, links: Vec<String>) -> Result<()> {
    Bulk::new("delete from notifications where (workspace_id, link) in (select workspace_id, link from {rows})")
        .column("workspace_id", links.iter().map(|_| workspace_id).collect())
        .column("link", links.into_iter().collect())
        .execute(tx)
        .await
}

/// Deletes notifications that are half a year old, at most `limit` of them. Returns how many.
#[boxed]
pub async fn forget_old(db: &Db, limit: usize) -> Result<u64> {
    let mut tx = db.begin().await?;
    let gone =
        query("delete from notifications where id in (select id from notifications where created_at < $1 limit $2)")
            .bind(db.now() - TimeDelta::days(KEPT_DAYS))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .execute(&mut tx)
            .await?;
    tx.commit().await?;
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_one_line_that_ends() {
        assert_eq!(cut(" Follow up\nwith  Ann "), "Follow up with Ann");
        assert_eq!(cut(&"é".repeat(LONGEST_TITLE)), "é".repeat(LONGEST_TITLE));
        let long = cut(&"é".repeat(LONGEST_TITLE + 1));
        assert_eq!((long.chars().count(), long.chars().last()), (LONGEST_TITLE, Some('…')));
    }
}
