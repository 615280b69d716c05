//! `connection.test`: asks a provider whether an account can do what Herald needs, and says what is wrong.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::CONNECTION;
use herald_ledger::{Described, Payload, Policy, Thing, staff};
use std::time::Duration;

/// Arguments of `connection.test`. Its result has `findings`.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ConnectionTest {
    /// The connection.
    pub connection_id: Uuid,
    /// The Drive folder or the Mautic form that the test looks at, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

impl Payload for ConnectionTest {
    const POLICY: Policy = Policy::new("connection.test", "sync")
        .attempts(2)
        .backoff(Duration::from_millis(500), Duration::from_secs(5))
        .seconds(120)
        .by(staff("connections"));
    const NAMES: &'static [(&'static str, Thing)] = &[("connection_id", CONNECTION)];

    fn described() -> Option<Described> {
        Some(Described::by::<Self>())
    }

    fn unique_key(&self) -> Option<String> {
        Some(format!("test:{}:{}", self.connection_id, self.target.as_deref().unwrap_or_default()))
    }
}
