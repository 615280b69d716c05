//! Signing in with the CRM's password.

use secrecy::SecretString;

use super::{
    Directory, actor,
    apply::{Way, Word, apply},
};
use crate::{Address, Device, People, PeopleError, Result, Tokens, UserState, keyring::SigningKey, user};
use herald_ledger::audit::{self, Entry};
use herald_providers::Class;

impl People {
    /// Asks the CRM whether a password is right, takes the person in as it describes them, and begins a session.
    ///
    /// # Errors
    /// [`PeopleError::Credentials`], [`PeopleError::CrmAway`].
    pub(crate) async fn sign_in_by_crm(
        &self,
        crm: &Directory,
        key: &SigningKey,
        email: &str,
        password: &SecretString,
        device: &Device,
    ) -> Result<Tokens> {
        // The CRM is not asked about an invalid address. Herald does the work of checking a password all the same, at
        // the same time as the question.
        let address = Address::parse(email).ok();
        let asked = async {
            match &address {
                Some(address) => crm.client.verify(address.written(), password).await,
                None => Ok(None),
            }
        };
        let (_, answer) = tokio::join!(self.passwords.check(password, None), asked);
        let told = match answer {
            Ok(told) => told.filter(|user| user.active).ok_or(PeopleError::Credentials)?,
            Err(error) => {
                if matches!(error.class, Class::Auth | Class::Config) {
                    tracing::error!(%error, "the CRM cannot be asked about passwords: nobody of its people signs in");
                } else {
                    tracing::warn!(%error, "the CRM cannot be asked about a password");
                }
                return Err(PeopleError::CrmAway(error));
            }
        };
        let mut tx = self.db.begin().await?;
        let applied = apply(&mut tx, crm, &Word { user: &told, way: Way::SignIn, at: None }).await?;
        let found = match applied.user_id {
            Some(id) => user::proof(&mut tx, id).await?,
            None => None,
        };
        // Herald keeps what it learned of the person, whether they come in or not.
        let Some(found) = found.filter(|user| user.state == UserState::Active) else {
            tx.commit().await?;
            return Err(PeopleError::Credentials);
        };
        let tokens = self.begin_session(&mut tx, key, found.id, device).await?;
        let workspace = crm.workspace(&mut tx).await?;
        let by = actor(workspace, "sign-in").from(device.address.clone());
        audit::record(&mut tx, &by, Entry::of("user.sign_in", found.id)).await?;
        tx.commit().await?;
        Ok(tokens)
    }
}
