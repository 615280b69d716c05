//! Codes that prove that a person reads the mail of an address.
//!
//! Eight random digits, sent once, kept as a keyed hash, good for ten minutes and five tries. The asker gets a
//! verification id, and the code opens nothing without it. So an attacker who has a code sent to a stranger's address
//! cannot make the stranger confirm the attacker's request. An unknown address gets an id, too, which opens nothing.
//!
//! Each request has a code of its own beside earlier ones. So a stranger who asks for a code does not void the owner's,
//! and wrong tries at one code do not count for another. The number of codes for one address, and with it the number of
//! all tries, is limited where they are asked for ([`herald_ledger::rate_limits::Class::Letter`]).

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{People, PeopleError, Result, keyring::SigningKey};
use herald_db::{FromRow, Tx, query};

/// How long a code is good for.
pub const CODE_LIFETIME: TimeDelta = TimeDelta::minutes(CODE_MINUTES as i64);
pub(super) const CODE_MINUTES: u32 = 10;
const TRIES: i64 = 5;
const DIGITS: u32 = 8;
const LABEL: &str = "one-time code";

/// What a code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Register,
    Reset,
    ChangeAddress,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Reset => "reset",
            Self::ChangeAddress => "change_address",
        }
    }
}

/// The receipt for a code that Herald sends by e-mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Asked {
    /// The id of the verification, which must be sent together with the code.
    pub verification_id: Uuid,
    /// When the code expires.
    pub expires_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct Row {
    code_hash: String,
    sealed: Vec<u8>,
}

/// The action that a code confirms; nothing, where no code was sent.
#[derive(Serialize, Deserialize)]
enum Leads<T> {
    To(T),
    Nowhere,
}

fn place(id: Uuid) -> String {
    format!("code:{id}")
}

fn signed(id: Uuid, code: &str) -> Vec<u8> {
    [id.as_bytes().as_slice(), code.as_bytes()].concat()
}

impl People {
    /// A new code for a purpose. `None` leads nowhere.
    pub(super) async fn issue_code<T: Serialize>(
        &self,
        tx: &mut Tx,
        key: &SigningKey,
        purpose: Purpose,
        leads_to: Option<&T>,
    ) -> Result<(Asked, String)> {
        let (id, now) = (tx.db().new_id(), tx.db().now());
        let digits = u64::from_be_bytes(self.db.ids().bytes()) % 10_u64.pow(DIGITS);
        let code = format!("{digits:0width$}", width = DIGITS as usize);
        let leads = leads_to.map_or(Leads::Nowhere, Leads::To);
        query(
            "insert into tickets (id, purpose, code_hash, sealed, tries, expires_at, created_at) values ($1, $2, $3, \
             $4, 0, $5, $6)",
        )
        .bind(id)
        .bind(purpose.name())
        .bind(format!("{}:{}", key.kid, hex::encode(key.sign(LABEL, &signed(id, &code)))))
        .bind(self.vault.seal(&place(id), &leads))
        .bind(now + CODE_LIFETIME)
        .bind(now)
        .execute(tx)
        .await?;
        Ok((Asked { verification_id: id, expires_at: now + CODE_LIFETIME }, code))
    }

    /// Tries a code; the try counts, right or wrong. The caller still has to use the code up, with [`take_code`].
    ///
    /// # Errors
    /// [`PeopleError::Code`].
    pub(super) async fn try_code<T: DeserializeOwned>(&self, purpose: Purpose, id: Uuid, code: &str) -> Result<T> {
        let digits: String =
            code.chars().filter(|c| !c.is_whitespace() && *c != '-').take(2 * DIGITS as usize).collect();
        let row: Option<Row> = query(
            "update tickets set tries = tries + 1 where id = $1 and purpose = $2 and tries < $3 and expires_at > $4
             returning code_hash, sealed",
        )
        .bind(id)
        .bind(purpose.name())
        .bind(TRIES)
        .bind(self.db.now())
        .alone(&self.db)
        .await?
        .into_iter()
        .next();
        let row = row.ok_or(PeopleError::Code)?;
        let (kid, hash) = row.code_hash.split_once(':').ok_or(PeopleError::Code)?;
        let key = self.keyring.named(kid).await?.ok_or(PeopleError::Code)?;
        let hash = hex::decode(hash).unwrap_or_default();
        if !key.signed(LABEL, &signed(id, &digits), &hash) {
            return Err(PeopleError::Code);
        }
        match self.vault.open(&place(id), &row.sealed)? {
            Leads::To(what) => Ok(what),
            Leads::Nowhere => Err(PeopleError::Code),
        }
    }
}

/// Uses a code up: of two who bring the right one, one may.
pub(super) async fn take_code(tx: &mut Tx, id: Uuid) -> Result<()> {
    match query("delete from tickets where id = $1").bind(id).execute(tx).await? {
        0 => Err(PeopleError::Code),
        _ => Ok(()),
    }
}
