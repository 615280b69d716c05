//! A new password for the person who reads the mail of an address.

use herald_base::boxed;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    Address, Asked, CODE_MINUTES, Device, People, PeopleError, Result, UserState,
    code::{Purpose, take_code},
    password, user,
};
use herald_ledger::audit::{self, Entry};
use herald_providers::email::AccountMail;

#[derive(Serialize, Deserialize)]
struct Waiting {
    user_id: Uuid,
    /// A hash of the replaced password: of several open codes, only one sets a password.
    replaces: String,
}

fn replaces(user: &user::Proof) -> String {
    hex::encode(Sha256::digest(user.password_hash.as_deref().unwrap_or_default()))
}

impl People {
    /// Sends a code to an address, if it has an account whose password is Herald's own. The answer is the same if not.
    ///
    /// # Errors
    /// [`PeopleError::Address`].
    #[boxed]
    pub async fn ask_reset(&self, email: &str) -> Result<Asked> {
        let address = Address::parse(email)?;
        let key = self.keyring.current().await?;
        let mut tx = self.db.begin().await?;
        let found = user::by_address(&mut tx, &address).await?;
        let found = found.filter(|user| user.state == UserState::Active && user.password_hash.is_some());
        let waiting = found.as_ref().map(|user| Waiting { user_id: user.id, replaces: replaces(user) });
        let (asked, code) = self.issue_code(&mut tx, &key, Purpose::Reset, waiting.as_ref()).await?;
        let (to, locale, letter) = match found {
            // As the person wrote it: some servers tell capitals apart, and a stranger could have the other mailbox.
            Some(user) => {
                let letter = AccountMail::ResetPassword { code, minutes: CODE_MINUTES };
                (Address::parse(&user.email)?, user.locale, Some(letter))
            }
            None => (address, "en".to_owned(), None),
        };
        self.post(&mut tx, &to, &locale, letter).await?;
        tx.commit().await?;
        Ok(asked)
    }

    /// Sets a new password with the code that was sent, and ends every session.
    ///
    /// # Errors
    /// [`PeopleError::Code`]; [`PeopleError::Password`], which does not use the code up.
    #[boxed]
    pub async fn reset(&self, verification_id: Uuid, code: &str, new: &SecretString, device: &Device) -> Result<()> {
        password::fit(new, &[])?;
        let waiting: Waiting = self.try_code(Purpose::Reset, verification_id, code).await?;
        let found = user::proof(&self.db, waiting.user_id).await?.ok_or(PeopleError::Code)?;
        if replaces(&found) != waiting.replaces {
            return Err(PeopleError::Code);
        }
        let hash = self.passwords.hash(new).await;
        let mut tx = self.db.begin().await?;
        take_code(&mut tx, verification_id).await?;
        self.set_password(&mut tx, &found, &hash, None).await?;
        let actor = self.actor(&mut tx, found.id, device).await?;
        audit::record(&mut tx, &actor, Entry::of("user.reset_password", found.id)).await?;
        Ok(tx.commit().await?)
    }
}
