//! `sender.test`: sends one mail in the name of a sender, and says what became of it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::SENDER;
use herald_ledger::{Payload, Policy, Thing};

/// Arguments of `sender.test`. Its result has `findings`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SenderTest {
    /// The sender.
    pub sender_id: Uuid,
    /// The address of the person who waits for the mail.
    pub to: String,
}

impl Payload for SenderTest {
    const POLICY: Policy = Policy::new("sender.test", "email").attempts(1).seconds(120);
    const NAMES: &'static [(&'static str, Thing)] = &[("sender_id", SENDER)];
    const NOT_BY_HAND: Option<&'static str> = Some("a sender.test job starts with a test of a sender");

    fn unique_key(&self) -> Option<String> {
        Some(format!("sender-test:{}:{}", self.sender_id, self.to))
    }
}
