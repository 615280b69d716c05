//! `account.mail`: sends a letter about somebody's account, such as the one with a code.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{JobKind, Payload};

/// Arguments of `account.mail`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccountMail {
    /// The letter: what it says lies sealed in its row.
    pub letter_id: Uuid,
}

impl Payload for AccountMail {
    const KIND: JobKind = JobKind::AccountMail;

    fn unique_key(&self) -> Option<String> {
        Some(format!("letter:{}", self.letter_id))
    }
}
