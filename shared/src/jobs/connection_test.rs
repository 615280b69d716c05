//! `connection.test`: asks a provider whether an account can do what Herald needs, and says what is wrong.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{JobKind, Payload};

/// Arguments of `connection.test`. Its result has `findings`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConnectionTest {
    /// The connection.
    pub connection_id: Uuid,
    /// The Drive folder that is to be written to, or the Mautic form that is to be read, if that is to be looked at, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

impl Payload for ConnectionTest {
    const KIND: JobKind = JobKind::ConnectionTest;

    fn unique_key(&self) -> Option<String> {
        Some(format!("test:{}:{}", self.connection_id, self.target.as_deref().unwrap_or_default()))
    }
}
