//! `notification.mail`: sends a notification to its person by mail.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::MailEnded;
use herald_ledger::{Change, End, Payload, Policy};

/// Arguments of `notification.mail`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NotificationMail {
    /// The notification.
    pub notification_id: Uuid,
    /// Whether the person asked for this mail, whatever they say of others.
    #[serde(default)]
    pub always: bool,
}

impl Payload for NotificationMail {
    const POLICY: Policy = Policy::new("notification.mail", "email").attempts(8).seconds(300);
    const NOT_BY_HAND: Option<&'static str> =
        Some("a notification.mail job starts with its notification, such as one of a follow-up that is due");

    fn on_end(args: &Value, end: End<'_>) -> Vec<Change> {
        let id = args["notification_id"].as_str().and_then(|id| id.parse().ok());
        id.map(|id| vec![MailEnded::of(id, end).into()]).unwrap_or_default()
    }

    fn unique_key(&self) -> Option<String> {
        Some(format!("notification:{}", self.notification_id))
    }
}
