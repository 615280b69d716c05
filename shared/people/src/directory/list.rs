//! The CRM's people as an administrator sees them.

use chrono::{DateTime, Utc};
use herald_base::boxed;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{CrmSync, sync};
use crate::{People, PeopleError, Result, Role, UserState, session};
use herald_db::{FromRow, query};
use herald_ledger::audit::{self, Actor, Entry};

/// A person of the CRM.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct CrmUserRow {
    /// The id of the person in the CRM.
    pub external_id: String,
    /// The id of the user in Herald.
    pub user_id: Option<Uuid>,
    /// The e-mail address in the CRM.
    pub email: String,
    /// The name in the CRM.
    pub name: Option<String>,
    /// The role in Herald that corresponds to the role in the CRM.
    #[sqlx(try_from = "String")]
    pub role: Role,
    /// `active` or `deactivated`, as in the CRM.
    #[schema(value_type = String)]
    #[sqlx(try_from = "String")]
    pub state: UserState,
    /// Why Herald has no such user, or why the user differs from the CRM.
    pub reason: Option<String>,
    /// When the person last changed in the CRM.
    pub changed_at: Option<DateTime<Utc>>,
    /// When a complete list first lacked the person.
    pub absent_at: Option<DateTime<Utc>>,
}

impl People {
    /// The CRM's people by their ids there, after a given one. With `conflicts`, only those whom Herald could not take
    /// in as the CRM has them.
    ///
    /// # Errors
    /// [`PeopleError::Db`].
    #[boxed]
    pub async fn crm_users(&self, conflicts: bool, after: Option<&str>, limit: usize) -> Result<Vec<CrmUserRow>> {
        let found = query(
            "select external_id, user_id, email, name, role, state, reason, changed_at, absent_at from crm_users
             where external_id > $1 and ($2 or reason is not null) order by external_id limit $3",
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        Ok(found.bind(after.unwrap_or_default()).bind(!conflicts).bind(limit).all(&self.db).await?)
    }

    /// The readings of the CRM's list, the last first.
    ///
    /// # Errors
    /// [`PeopleError::Db`].
    #[boxed]
    pub async fn crm_syncs(&self, before: Option<Uuid>, limit: usize) -> Result<Vec<CrmSync>> {
        sync::list(&self.db, before, limit).await
    }

    /// Takes a person's own password away, so that the CRM vouches for them from now on. Their sessions end.
    ///
    /// # Errors
    /// [`PeopleError::NoCrm`], [`PeopleError::Missing`].
    #[boxed]
    pub async fn hand_to_crm(&self, actor: &Actor, id: Uuid) -> Result<()> {
        self.directory()?;
        let mut tx = self.db.begin().await?;
        let changed = query(
            "update users set password_hash = null, version = version + 1, updated_at = $2 where id = $1 \
             and password_hash is not null",
        )
        .bind(id)
        .bind(self.db.now())
        .execute(&mut tx)
        .await?;
        if changed == 0 {
            return Err(PeopleError::Missing("person with a password of their own"));
        }
        session::end(&mut tx, "the account was handed to the CRM", session::Of::User(id)).await?;
        audit::record(&mut tx, actor, Entry::of("user.to_crm", id)).await?;
        Ok(tx.commit().await?)
    }
}
