//! Reading the CRM's whole list, or what changed of it: finds what no webhook told.
//!
//! A transaction takes in a page together with the beginning of the next one, so after a kill another worker goes on
//! with that page. A person counts as gone only when a complete list did not have them, and never many at once: an
//! empty list is more likely a fault of the list.

use chrono::{DateTime, TimeDelta, Utc};
use herald_base::boxed;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    actor,
    apply::{self, Way, Word, apply},
};
use crate::{People, Result};
use herald_db::{Db, FromRow, Tx, query};
use herald_ledger::audit::{self, Entry};
use herald_providers::directory::Page;

/// What changed since then is read again: the CRM's clock is not ours, and a change takes a moment to be listed.
const OVERLAP: TimeDelta = TimeDelta::minutes(10);
/// So few may always be missing: of a small agency, a tenth is nobody.
const FEW: i64 = 2;

herald_base::text_enum! {
    /// The scope of a sync.
    pub enum SyncScope, "unknown scope of a sync {:?}" {
        /// All people: a person who is not on the list was deleted.
        All "all",
        /// The people who changed since the last sync.
        Changes "changes",
    }
}

herald_base::text_enum! {
    /// The state of a sync.
    pub enum SyncState, "unknown state of a sync {:?}" {
        /// The list is being read.
        Running "running",
        /// Herald did what the list says.
        Done "done",
        /// More people were missing than the limit allows, and an administrator must check.
        Held "held",
    }
}

/// A sync with the CRM's list of people.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct CrmSync {
    /// The id of the sync.
    pub id: Uuid,
    /// The job that runs the sync.
    pub job_id: Uuid,
    /// `all` or `changes`.
    #[schema(value_type = String)]
    #[sqlx(try_from = "String")]
    pub scope: SyncScope,
    /// `running`, `done`, or `held`: more people were missing than the limit allows, and an administrator must check.
    #[schema(value_type = String)]
    #[sqlx(try_from = "String")]
    pub state: SyncState,
    /// The time since which Herald asked for changes.
    pub since: Option<DateTime<Utc>>,
    /// The cursor of the next page.
    #[serde(skip)]
    pub next_cursor: Option<String>,
    /// Whether Herald read the last page.
    #[serde(skip)]
    pub read_all: bool,
    /// The number of pages read.
    pub pages: i64,
    /// The number of people on the pages.
    pub seen: i64,
    /// The number of people who were created or changed in Herald.
    pub changed: i64,
    /// The number of entries without an id or an address.
    pub unreadable: i64,
    /// The number of people whom Herald knows but the list lacks.
    pub missing: i64,
    /// The number of deactivated people.
    pub deactivated: i64,
    /// When the sync began.
    pub started_at: DateTime<Utc>,
    /// When the sync ended.
    pub ended_at: Option<DateTime<Utc>>,
}

const COLUMNS: &str = "id, job_id, scope, state, since, next_cursor, read_all, pages, seen, changed, unreadable, \
    missing, deactivated, started_at, ended_at";

/// How a reading ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncEnd {
    /// All is as on the list.
    Done,
    /// So many people are missing of so many: too many to be believed.
    Held {
        /// The number of missing people.
        missing: i64,
        /// Whom the CRM had.
        of: i64,
        /// How many might be.
        allowed: i64,
        /// Entries of the list that could not be read.
        unreadable: i64,
    },
}

async fn of_job(on: impl Into<herald_db::Target<'_>>, job_id: Uuid) -> Result<Option<CrmSync>> {
    Ok(query(&format!("select {COLUMNS} from crm_syncs where job_id = $1")).bind(job_id).optional(on).await?)
}

/// The readings, the last first.
pub(super) async fn list(db: &Db, before: Option<Uuid>, limit: usize) -> Result<Vec<CrmSync>> {
    let found = query(&format!("select {COLUMNS} from crm_syncs where id < $1 order by id desc limit $2"));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(found.bind(before.unwrap_or(Uuid::max())).bind(limit).all(db).await?)
}

impl People {
    /// The reading of a job: a new one, or the one that it began before.
    ///
    /// # Errors
    /// [`super::PeopleError::Db`].
    #[boxed]
    pub async fn begin_crm_sync(&self, job_id: Uuid, scope: SyncScope) -> Result<CrmSync> {
        let mut tx = self.db.begin().await?;
        if let Some(begun) = of_job(&mut tx, job_id).await? {
            return Ok(begun);
        }
        let last: Option<(DateTime<Utc>,)> =
            query("select started_at from crm_syncs where state <> 'running' order by started_at desc limit 1")
                .optional(&mut tx)
                .await?;
        let since = last.filter(|_| scope == SyncScope::Changes).map(|(at,)| at - OVERLAP);
        query(
            "insert into crm_syncs (id, job_id, scope, state, since, read_all, pages, seen, changed, unreadable, \
             missing, deactivated, started_at)
             values ($1, $2, $3, 'running', $4, $5, 0, 0, 0, 0, 0, 0, $6) on conflict (job_id) do nothing",
        )
        .bind(self.db.new_id())
        .bind(job_id)
        .bind(scope.as_str())
        .bind(since)
        .bind(false)
        .bind(self.db.now())
        .execute(&mut tx)
        .await?;
        let begun = of_job(&mut tx, job_id).await?;
        tx.commit().await?;
        begun.ok_or(crate::PeopleError::Missing("sync"))
    }

    /// Takes a page in, and notes where the next one begins.
    ///
    /// # Errors
    /// [`super::PeopleError::Db`].
    #[boxed]
    pub async fn take_crm_page(&self, sync: &CrmSync, page: &Page, read_at: DateTime<Utc>) -> Result<CrmSync> {
        let crm = self.directory()?;
        let mut tx = self.db.begin().await?;
        let mut changed = 0;
        for user in &page.users {
            let word = Word { user, way: Way::List(sync.id), at: Some(read_at) };
            changed += i64::from(apply(&mut tx, crm, &word).await?.changed);
        }
        query(
            "update crm_syncs set next_cursor = $2, read_all = $3, pages = pages + 1, seen = seen + $4, \
             changed = changed + $5,
                                  unreadable = unreadable + $6 where id = $1",
        )
        .bind(sync.id)
        .bind(page.next.clone())
        .bind(page.next.is_none())
        .bind(count(page.users.len()))
        .bind(changed)
        .bind(i64::try_from(page.unreadable).unwrap_or(i64::MAX))
        .execute(&mut tx)
        .await?;
        let now = of_job(&mut tx, sync.job_id).await?;
        tx.commit().await?;
        now.ok_or(crate::PeopleError::Missing("sync"))
    }

    /// Ends a reading whose last page is in. After a complete one, people who were not on the list are kept out, unless
    /// they are too many: more than `crm.max_missing_percent`, or than a person allowed.
    ///
    /// # Errors
    /// [`super::PeopleError::Db`].
    #[boxed]
    pub async fn end_crm_sync(&self, sync: &CrmSync, allow_missing: Option<i64>) -> Result<SyncEnd> {
        let crm = self.directory()?;
        if sync.state == SyncState::Done {
            // Its worker was killed between that and saying so.
            return Ok(SyncEnd::Done);
        }
        let mut tx = self.db.begin().await?;
        let mut end = SyncEnd::Done;
        let (mut missing, mut deactivated) = (Vec::new(), 0);
        if sync.scope == SyncScope::All {
            missing = absent(&mut tx, sync).await?;
            let (known,): (i64,) = query("select count(*) from crm_users where state = 'active'").one(&mut tx).await?;
            let share = known * i64::from(crm.settings.max_missing_percent) / 100;
            // Everybody is too many, however few they are.
            let allowed = allow_missing.unwrap_or_else(|| share.max(FEW).min(known - 1));
            // A person whose entry could not be read may be one of those who seem to be missing.
            if count(missing.len()) > allowed || (sync.unreadable > 0 && !missing.is_empty() && allow_missing.is_none())
            {
                let missing = count(missing.len());
                end = SyncEnd::Held { missing, of: known, allowed, unreadable: sync.unreadable };
            } else {
                let workspace = crm.workspace(&mut tx).await?;
                for (external_id, user_id) in &missing {
                    query(
                        "update crm_users set state = 'deactivated', absent_at = $2, \
                        touched_at = $3 where external_id = $1",
                    )
                    .bind(external_id.as_str())
                    .bind(sync.started_at)
                    .bind(self.db.now())
                    .execute(&mut tx)
                    .await?;
                    let Some(id) = user_id else { continue };
                    if apply::set_state(&mut tx, *id, false).await? {
                        deactivated += 1;
                        let detail = serde_json::json!({ "external_id": external_id, "sync": sync.id });
                        let entry = Entry::of("user.deactivate", id).with(detail);
                        audit::record(&mut tx, &actor(workspace, "list"), entry).await?;
                    }
                }
            }
        }
        let state = if end == SyncEnd::Done { SyncState::Done } else { SyncState::Held };
        query("update crm_syncs set state = $2, missing = $3, deactivated = $4, ended_at = $5 where id = $1")
            .bind(sync.id)
            .bind(state.as_str())
            .bind(count(missing.len()))
            .bind(deactivated)
            .bind(self.db.now())
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(end)
    }
}

/// Active people who were known before the reading began, were not touched since, and were not on the list.
async fn absent(tx: &mut Tx, sync: &CrmSync) -> Result<Vec<(String, Option<Uuid>)>> {
    let found = query(
        "select external_id, user_id from crm_users
         where state = 'active' and touched_at < $2 and (seen_by is null or seen_by <> $1) order by external_id",
    );
    Ok(found.bind(sync.id).bind(sync.started_at).all(tx).await?)
}

fn count(things: usize) -> i64 {
    i64::try_from(things).unwrap_or(i64::MAX)
}
