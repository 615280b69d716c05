//! `account.mail`: sends a letter about somebody's account, such as the one with a code.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use herald_ledger::{Payload, Policy};

/// Arguments of `account.mail`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccountMail {
    /// The letter: what it says lies sealed in its row.
    pub letter_id: Uuid,
}

impl Payload for AccountMail {
    const POLICY: Policy = Policy::new("account.mail", "email").attempts(8).seconds(300);
    const NOT_BY_HAND: Option<&'static str> =
        Some("an account.mail job starts with the event that the e-mail is about, such as a registration");

    fn unique_key(&self) -> Option<String> {
        Some(format!("letter:{}", self.letter_id))
    }
}
