//! Signing in with address and password, and changing the password.

use std::time::Duration;

use herald_base::boxed;
use secrecy::SecretString;
use uuid::Uuid;

use super::{Address, Device, People, PeopleError, Result, Tokens, UserState, password, user};
use herald_db::{Tx, query};
use herald_ledger::audit::{self, Entry};
use herald_providers::{directory::Crm, email::AccountMail};

/// How long a refusal takes, where some passwords are checked by a CRM: most of them answer sooner.
const REFUSAL_TAKES: Duration = Duration::from_secs(1);

impl People {
    /// Begins a session for a person who knows the password of an address.
    ///
    /// # Errors
    /// [`PeopleError::Credentials`] for an unknown address, a wrong password, and a deactivated person: the same answer
    /// after the same work. Where a CRM checks passwords, Herald asks it about a person who has no password here:
    /// [`PeopleError::CrmAway`] when it does not answer.
    #[boxed]
    pub async fn sign_in(&self, email: &str, password: &SecretString, device: &Device) -> Result<Tokens> {
        let asked_at = tokio::time::Instant::now();
        let answer = self.try_to_sign_in(email, password, device).await;
        if self.crm().is_some_and(Crm::checks_passwords) && matches!(answer, Err(PeopleError::Credentials)) {
            // A check here and one at the CRM take different times. A refused caller must not learn which it was.
            tokio::time::sleep_until(asked_at + REFUSAL_TAKES).await;
        }
        answer
    }

    async fn try_to_sign_in(&self, email: &str, password: &SecretString, device: &Device) -> Result<Tokens> {
        let key = self.keyring.current().await?;
        let found = match Address::parse(email) {
            Ok(address) => user::by_address(&self.db, &address).await?,
            Err(_) => None,
        };
        let kept = found.as_ref().and_then(|user| user.password_hash.as_deref());
        if kept.is_none()
            && let Some(crm) = self.crm.as_ref().filter(|crm| crm.client.checks_passwords())
        {
            return self.sign_in_by_crm(crm, &key, email, password, device).await;
        }
        let fits = self.passwords.check(password, kept).await;
        let Some(found) = found.filter(|user| fits && user.state == UserState::Active) else {
            return Err(PeopleError::Credentials);
        };
        let mut tx = self.db.begin().await?;
        let tokens = self.begin_session(&mut tx, &key, found.id, device).await?;
        let actor = self.actor(&mut tx, found.id, device).await?;
        audit::record(&mut tx, &actor, Entry::of("user.sign_in", found.id)).await?;
        tx.commit().await?;
        Ok(tokens)
    }

    /// Whether this is the password of the signed-in person.
    pub(super) async fn confirm(&self, user_id: Uuid, password: &SecretString) -> Result<user::Proof> {
        let found = user::proof(&self.db, user_id).await?.ok_or(PeopleError::Credentials)?;
        if found.password_hash.is_none() {
            return Err(PeopleError::KeptElsewhere);
        }
        match self.passwords.check(password, found.password_hash.as_deref()).await {
            true => Ok(found),
            false => Err(PeopleError::Credentials),
        }
    }

    /// Changes a person's password, and ends every session but `keep`.
    ///
    /// # Errors
    /// [`PeopleError::Credentials`] when `current` is wrong, [`PeopleError::Password`] when `new` cannot be used.
    #[boxed]
    pub async fn change_password(
        &self,
        user_id: Uuid,
        keep: Uuid,
        (current, new): (&SecretString, &SecretString),
        device: &Device,
    ) -> Result<()> {
        let found = self.confirm(user_id, current).await?;
        password::fit(new, &[&found.email])?;
        let hash = self.passwords.hash(new).await;
        let mut tx = self.db.begin().await?;
        self.set_password(&mut tx, &found, &hash, Some(keep)).await?;
        let actor = self.actor(&mut tx, user_id, device).await?;
        audit::record(&mut tx, &actor, Entry::of("user.change_password", user_id)).await?;
        Ok(tx.commit().await?)
    }

    /// Sets a password, ends the sessions that were begun with the old one, and tells the person.
    pub(super) async fn set_password(
        &self,
        tx: &mut Tx,
        of: &user::Proof,
        hash: &str,
        keep: Option<Uuid>,
    ) -> Result<()> {
        let now = tx.db().now();
        query("update users set password_hash = $2, version = version + 1, updated_at = $3 where id = $1")
            .bind(of.id)
            .bind(hash)
            .bind(now)
            .execute(&mut *tx)
            .await?;
        query(
            "update sessions set ended_at = $2, ended_why = 'the password was changed' where user_id = $1 \
            and ended_at is null and id <> $3",
        )
        .bind(of.id)
        .bind(now)
        .bind(keep.unwrap_or(Uuid::nil()))
        .execute(&mut *tx)
        .await?;
        self.post(tx, &Address::parse(&of.email)?, &of.locale, Some(AccountMail::PasswordChanged { when: now })).await
    }
}
