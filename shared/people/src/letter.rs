//! Letters to people about their accounts: written here, sealed, and sent by an `account.mail` job.

use herald_base::boxed;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Address, CODE_LIFETIME, People, Result};
use crate::jobs;
use herald_db::{FromRow, Tx, query};
use herald_ledger as ledger;
use herald_ledger::{NewJob, Payload};
use herald_providers::email::AccountMail;

/// A letter, and to whom.
#[derive(Clone, Serialize, Deserialize)]
pub struct Letter {
    /// The address.
    pub to: String,
    /// In which language, as a BCP 47 tag.
    pub locale: String,
    /// The content. `None` sends nothing: such a letter stands where a known address would get one, so that both cases
    /// take the same time.
    pub mail: Option<AccountMail>,
}

#[derive(FromRow)]
struct Row {
    sealed: Vec<u8>,
}

fn place(id: Uuid) -> String {
    format!("letter:{id}")
}

impl People {
    /// Puts a letter in the post, in the transaction that makes it necessary.
    pub(super) async fn post(&self, tx: &mut Tx, to: &Address, locale: &str, mail: Option<AccountMail>) -> Result<()> {
        let id = tx.db().new_id();
        // A code that is over by then need not be sent any more.
        let expires_at = mail.as_ref().is_some_and(AccountMail::holds_code).then(|| tx.db().now() + CODE_LIFETIME);
        let letter = Letter { to: to.written().to_owned(), locale: locale.to_owned(), mail };
        query("insert into letters (id, sealed, created_at) values ($1, $2, $3)")
            .bind(id)
            .bind(self.vault.seal(&place(id), &letter))
            .bind(tx.db().now())
            .execute(&mut *tx)
            .await?;
        // The installation's own: an account belongs to no workspace.
        let workspace = crate::installation(&mut *tx).await?;
        ledger::enqueue(tx, vec![NewJob { expires_at, ..jobs::AccountMail { letter_id: id }.job(workspace) }]).await?;
        Ok(())
    }

    /// A letter that is still to be sent.
    ///
    /// # Errors
    /// [`super::PeopleError::Sealed`] when this process has other keys than the one that wrote it.
    #[boxed]
    pub async fn unsent_letter(&self, id: Uuid) -> Result<Option<Letter>> {
        let row: Option<Row> =
            query("select sealed from letters where id = $1 and sent_at is null").bind(id).optional(&self.db).await?;
        Ok(row.map(|row| self.vault.open(&place(id), &row.sealed)).transpose()?)
    }

    /// Notes that a letter was sent, and forgets its content.
    ///
    /// # Errors
    /// [`super::PeopleError::Db`].
    #[boxed]
    pub async fn letter_sent(&self, id: Uuid) -> Result<()> {
        let mut tx = self.db.begin().await?;
        query("update letters set sent_at = $2, sealed = $3 where id = $1")
            .bind(id)
            .bind(self.db.now())
            .bind(Vec::new())
            .execute(&mut tx)
            .await?;
        Ok(tx.commit().await?)
    }
}
