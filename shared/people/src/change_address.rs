//! Changes the address of a signed-in person: proved by a code that is sent there, and told to the old address.

use herald_base::boxed;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Address, Asked, CODE_MINUTES, Device, People, PeopleError, Result,
    code::{Purpose, take_code},
    user,
};
use herald_db::query;
use herald_ledger::audit::{self, Entry};
use herald_providers::email::AccountMail;

#[derive(Serialize, Deserialize)]
struct Waiting {
    user_id: Uuid,
    email: String,
}

impl People {
    /// Sends a code to the new address. If a person has that address already, they get a letter that says so, and the
    /// asker gets the same answer.
    ///
    /// # Errors
    /// [`PeopleError::Credentials`], [`PeopleError::Address`].
    #[boxed]
    pub async fn ask_change_address(&self, user_id: Uuid, password: &SecretString, new: &str) -> Result<Asked> {
        let address = Address::parse(new)?;
        let asker = self.confirm(user_id, password).await?;
        let key = self.keyring.current().await?;
        let mut tx = self.db.begin().await?;
        let holder = user::by_address(&mut tx, &address).await?.filter(|other| other.id != user_id);
        let waiting = holder.is_none().then(|| Waiting { user_id, email: address.written().to_owned() });
        let (asked, code) = self.issue_code(&mut tx, &key, Purpose::ChangeAddress, waiting.as_ref()).await?;
        let (to, letter) = match holder {
            Some(holder) => (Address::parse(&holder.email)?, AccountMail::AddressKnown),
            None => (address, AccountMail::ChangeAddress { code, minutes: CODE_MINUTES }),
        };
        self.post(&mut tx, &to, &asker.locale, Some(letter)).await?;
        tx.commit().await?;
        Ok(asked)
    }

    /// Makes the new address theirs, with the code that was sent there. Sessions other than `keep` end.
    ///
    /// # Errors
    /// [`PeopleError::Code`], also when somebody else took the address meanwhile.
    #[boxed]
    pub async fn change_address(
        &self,
        user_id: Uuid,
        keep: Uuid,
        (verification_id, code): (Uuid, &str),
        device: &Device,
    ) -> Result<()> {
        let waiting: Waiting = self.try_code(Purpose::ChangeAddress, verification_id, code).await?;
        if waiting.user_id != user_id {
            return Err(PeopleError::Code);
        }
        let address = Address::parse(&waiting.email)?;
        let now = self.db.now();
        let mut tx = self.db.begin().await?;
        take_code(&mut tx, verification_id).await?;
        let old = user::proof(&mut tx, user_id).await?.ok_or(PeopleError::Code)?;
        let changed = query(
            "update users set email = $2, email_key = $3, version = version + 1, updated_at = $4 where id = $1
             and not exists (select 1 from users as other where other.email_key = $3 and other.id <> $1)",
        )
        .bind(user_id)
        .bind(address.written())
        .bind(address.key())
        .bind(now)
        .execute(&mut tx)
        .await?;
        if changed == 0 {
            return Err(PeopleError::Code);
        }
        query(
            "update sessions set ended_at = $2, ended_why = 'the address was changed' where user_id = $1 \
            and ended_at is null and id <> $3",
        )
        .bind(user_id)
        .bind(now)
        .bind(keep)
        .execute(&mut tx)
        .await?;
        self.post(&mut tx, &Address::parse(&old.email)?, &old.locale, Some(AccountMail::AddressChanged)).await?;
        let actor = self.actor(&mut tx, user_id, device).await?;
        audit::record(&mut tx, &actor, Entry::of("user.change_address", user_id)).await?;
        Ok(tx.commit().await?)
    }
}
