//! One person of the CRM's, taken in.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Directory, actor};
use crate::{Address, Result, Role, UserState, member, session, user};
use herald_db::{FromRow, Tx, query};
use herald_ledger::audit::{self, Entry};
use herald_providers::directory::CrmUser;

/// What the CRM says of a person, and how its word came.
pub(super) struct Word<'a> {
    pub(super) user: &'a CrmUser,
    pub(super) way: Way,
    /// When it was so, where the person does not say: of a webhook, when it was sent.
    pub(super) at: Option<DateTime<Utc>>,
}

/// How the CRM's word came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// With the answer to a password.
    SignIn,
    /// By webhook.
    Webhook,
    /// From its list, read by this sync.
    List(Uuid),
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::Webhook => "webhook",
            Self::List(_) => "list",
        }
    }
}

/// The result for one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Applied {
    /// Who they are here, if anybody.
    pub(super) user_id: Option<Uuid>,
    /// Whether anything is different now.
    pub(super) changed: bool,
    /// The news was older than the known state.
    pub(super) stale: bool,
    /// Why they are nobody here, or not as the CRM has them.
    pub(super) reason: Option<String>,
}

/// A person of the CRM's, as they are kept.
#[derive(Clone, Debug, FromRow)]
pub(super) struct Kept {
    pub(super) user_id: Option<Uuid>,
    email: String,
    #[sqlx(try_from = "String")]
    role: Role,
    #[sqlx(try_from = "String")]
    state: UserState,
    reason: Option<String>,
    version: Option<i64>,
    changed_at: Option<DateTime<Utc>>,
    absent_at: Option<DateTime<Utc>>,
}

impl Kept {
    /// Its place in the order of what the CRM says.
    pub(super) fn order(&self) -> (Option<i64>, Option<DateTime<Utc>>) {
        (self.version, self.changed_at)
    }
}

const NEW: &str = "new";

/// Locks the row of a person, and returns it as it is.
pub(super) async fn lock(tx: &mut Tx, external_id: &str) -> Result<Option<Kept>> {
    // Locks it on PostgreSQL; on SQLite the transaction writes alone.
    query("update crm_users set touched_at = touched_at where external_id = $1")
        .bind(external_id)
        .execute(&mut *tx)
        .await?;
    let found = query(
        "select user_id, email, role, state, reason, version, changed_at, absent_at from crm_users \
         where external_id = $1",
    );
    Ok(found.bind(external_id).optional(tx).await?)
}

/// Whether the CRM's word is newer than the kept one. A count is compared with a count, otherwise a time with a time.
pub(super) fn is_newer(kept: (Option<i64>, Option<DateTime<Utc>>), told: (Option<i64>, Option<DateTime<Utc>>)) -> bool {
    match (kept, told) {
        ((Some(kept), _), (Some(told), _)) => told > kept,
        ((_, Some(kept)), (_, Some(told))) => told > kept,
        // Nothing to compare with: the first word that has a place in the order is the one.
        ((None, None), _) => true,
        _ => false,
    }
}

/// Takes a person in: makes them, changes them, lets them in or keeps them out.
pub(super) async fn apply(tx: &mut Tx, crm: &Directory, word: &Word<'_>) -> Result<Applied> {
    let told = word.user;
    let (now, role) = (tx.db().now(), crm.settings.role_of(told.role.as_deref()));
    // If two transactions bring a new person at once, one makes the row; the other waits for it and compares.
    let is_new = query(
        "insert into crm_users (external_id, email, name, role, state, touched_at) values ($1, $2, $3, $4, \
         'deactivated', $5)
         on conflict (external_id) do nothing",
    )
    .bind(told.external_id.as_str())
    .bind(told.email.as_str())
    .bind(told.name.clone())
    .bind(role.name())
    .bind(now)
    .execute(&mut *tx)
    .await?
        > 0;
    let kept = lock(tx, &told.external_id).await?.ok_or(crate::PeopleError::Missing("person of the CRM"))?;
    let at = told.updated_at.or(word.at);
    if !is_new && !is_believed(&kept, word, at) {
        saw(tx, &told.external_id, word.way).await?;
        return Ok(Applied { user_id: kept.user_id, changed: false, stale: true, reason: kept.reason });
    }
    let workspace = crm.workspace(tx).await?;
    let mut done = Done { is_new, was: &kept, role, changes: Vec::new(), reason: None };
    let user_id = done.settle(tx, workspace, told).await?;
    let state = UserState::of(told.active).as_str();
    query(
        "update crm_users set user_id = $2, email = $3, name = $4, role = $5, state = $6, reason = $7, version = $8, \
         changed_at = $9,
                              absent_at = null, touched_at = $10 where external_id = $1",
    )
    .bind(told.external_id.as_str())
    .bind(user_id)
    .bind(told.email.as_str())
    .bind(told.name.clone())
    .bind(role.name())
    .bind(state)
    .bind(done.reason.clone())
    .bind(told.version.or(kept.version))
    .bind(at.or(kept.changed_at))
    .bind(now)
    .execute(&mut *tx)
    .await?;
    saw(tx, &told.external_id, word.way).await?;
    let changed = !done.changes.is_empty();
    if let (Some(id), true) = (user_id, changed) {
        let verb = if done.changes.contains(&NEW) { "user.from_crm" } else { "user.change_by_crm" };
        let detail = serde_json::json!({ "external_id": told.external_id, "changed": done.changes, "role": role });
        audit::record(tx, &actor(workspace, word.way.name()), Entry::of(verb, id).with(detail)).await?;
    }
    if let Some(reason) = done.reason.as_ref().filter(|reason| kept.reason.as_ref() != Some(*reason)) {
        tracing::warn!(external_id = told.external_id, reason, "a person of the CRM is not taken in as they are there");
    }
    Ok(Applied { user_id, changed, stale: false, reason: done.reason })
}

fn is_believed(kept: &Kept, word: &Word<'_>, at: Option<DateTime<Utc>>) -> bool {
    if let Some(absent) = kept.absent_at {
        // A person who is on the list or signs in is there again. A webhook may have been under way since before.
        return word.way != Way::Webhook || at.is_some_and(|at| at > absent);
    }
    let told = word.user;
    // A conflict may be over although nothing changed there.
    if kept.user_id.is_none() && kept.reason.is_some() && word.way != Way::Webhook {
        return true;
    }
    // An answer that says nothing about its place in the order brings nobody back, and changes nothing.
    if told.version.is_none() && at.is_none() {
        return false;
    }
    is_newer(kept.order(), (told.version, at))
}

/// Notes the last listing that had the person.
async fn saw(tx: &mut Tx, external_id: &str, way: Way) -> Result<()> {
    if let Way::List(sync) = way {
        let noted = query("update crm_users set seen_by = $2 where external_id = $1");
        noted.bind(external_id).bind(sync).execute(tx).await?;
    }
    Ok(())
}

/// What is done for one person.
struct Done<'a> {
    is_new: bool,
    was: &'a Kept,
    role: Role,
    changes: Vec<&'static str>,
    reason: Option<String>,
}

impl Done<'_> {
    /// Brings the person here to what the CRM says, and returns who that is.
    async fn settle(&mut self, tx: &mut Tx, workspace: Uuid, told: &CrmUser) -> Result<Option<Uuid>> {
        let Ok(address) = Address::parse(&told.email) else {
            self.reason = Some("its address is no e-mail address: correct it in the CRM".to_owned());
            return Ok(self.was.user_id);
        };
        let id = match self.was.user_id {
            Some(id) => {
                self.change_address(tx, id, &address).await?;
                id
            }
            None => match self.find_or_make(tx, workspace, &address, told.active).await? {
                Some(id) => id,
                None => return Ok(None),
            },
        };
        // A person who was here before the CRM knew them is let in only by the administrators who kept them out.
        let comes_back = told.active && self.was.state != UserState::Active && self.was.user_id.is_some();
        if comes_back || !told.active {
            self.set_state(tx, id, told.active).await?;
        }
        if self.role != self.was.role && !self.is_new {
            self.set_role(tx, workspace, id).await?;
        }
        Ok(Some(id))
    }

    async fn find_or_make(
        &mut self,
        tx: &mut Tx,
        workspace: Uuid,
        address: &Address,
        active: bool,
    ) -> Result<Option<Uuid>> {
        let id = match user::by_address(&mut *tx, address).await? {
            // A person who has gone already need not be made here.
            None if !active => return Ok(None),
            None => {
                let new = user::NewUser {
                    address,
                    password_hash: None,
                    locale: "en",
                    time_zone: "UTC",
                    platform_admin: false,
                };
                let Some(id) = user::insert(tx, &new).await? else {
                    self.reason =
                        Some("another user took the same address at this moment: Herald will retry".to_owned());
                    return Ok(None);
                };
                id
            }
            Some(found) if found.password_hash.is_some() => {
                let reason = "a user of Herald has the same address and a password of their own: hand the account \
                              over with `herald users to-crm`, or change one of the two addresses";
                self.reason = Some(reason.to_owned());
                return Ok(None);
            }
            Some(found) => {
                let other: Option<(String,)> = query("select external_id from crm_users where user_id = $1")
                    .bind(found.id)
                    .optional(&mut *tx)
                    .await?;
                if let Some((other,)) = other {
                    self.reason = Some(format!("{other} of the CRM has the same address: correct it there"));
                    return Ok(None);
                }
                found.id
            }
        };
        member::add(tx, workspace, id, self.role).await?;
        self.changes.push(NEW);
        Ok(Some(id))
    }

    /// Follows the CRM's address, unless the person has changed it here since, or another person has it here.
    async fn change_address(&mut self, tx: &mut Tx, id: Uuid, address: &Address) -> Result<()> {
        let before = Address::parse(&self.was.email).map(|before| before.key().to_owned()).unwrap_or_default();
        if before == address.key() {
            return Ok(());
        }
        let changed = query(
            "update users set email = $2, email_key = $3, version = version + 1, updated_at = $4
             where id = $1 and not exists (select 1 from users as other where other.email_key = $3)",
        )
        .bind(id)
        .bind(address.written())
        .bind(address.key())
        .bind(tx.db().now())
        .execute(&mut *tx)
        .await?;
        if changed == 0 {
            let holder = user::by_address(&mut *tx, address).await?;
            if holder.is_some_and(|holder| holder.id != id) {
                self.reason = Some("somebody else here has its new address: the old one stays".to_owned());
            }
        } else {
            self.changes.push("email");
        }
        Ok(())
    }

    async fn set_state(&mut self, tx: &mut Tx, id: Uuid, active: bool) -> Result<()> {
        if set_state(tx, id, active).await? {
            self.changes.push(if active { "activated" } else { "deactivated" });
        }
        Ok(())
    }

    /// Follows the CRM's role, except where that would leave the workspace without an owner.
    async fn set_role(&mut self, tx: &mut Tx, workspace: Uuid, id: Uuid) -> Result<()> {
        let changed = query(
            "update members set role = $3 where workspace_id = $1 and user_id = $2 and role <> $3
             and (role <> 'owner' or exists (select 1 from members as other join users as u on u.id = other.user_id
                  where other.workspace_id = $1 and other.user_id <> $2 and other.role = 'owner' \
                  and u.state = 'active'))",
        )
        .bind(workspace)
        .bind(id)
        .bind(self.role.name())
        .execute(tx)
        .await?;
        if changed > 0 {
            self.changes.push("role");
        }
        Ok(())
    }
}

/// Lets a person in or keeps them out, and returns whether that is new.
pub(super) async fn set_state(tx: &mut Tx, id: Uuid, active: bool) -> Result<bool> {
    let state = UserState::of(active).as_str();
    let changed =
        query("update users set state = $2, version = version + 1, updated_at = $3 where id = $1 and state <> $2")
            .bind(id)
            .bind(state)
            .bind(tx.db().now())
            .execute(&mut *tx)
            .await?
            > 0;
    if changed && !active {
        session::end(tx, "the CRM says that they are gone", session::Of::User(id)).await?;
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp(seconds, 0)
    }

    #[test]
    fn only_what_is_newer_is_believed() {
        for (kept, told, newer) in [
            ((Some(3), at(9)), (Some(4), at(1)), true),
            ((Some(3), at(1)), (Some(3), at(9)), false),
            ((Some(3), at(1)), (Some(2), at(9)), false),
            // One of them is not counted: the times say.
            ((None, at(5)), (Some(1), at(6)), true),
            ((Some(9), at(5)), (None, at(6)), true),
            ((Some(9), at(5)), (None, at(5)), false),
            ((None, None), (None, at(1)), true),
            ((None, None), (Some(1), None), true),
            // Nothing that both have.
            ((Some(9), None), (None, at(6)), false),
        ] {
            assert_eq!(is_newer(kept, told), newer, "{kept:?} {told:?}");
        }
    }
}
