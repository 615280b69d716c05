//! `whatsapp.templates`: reads the templates of an account that sends over WhatsApp.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use herald_accounts::CONNECTION;
use herald_ledger::{Payload, Policy, Thing};

/// Arguments of `whatsapp.templates`. Its result says how many there are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WhatsappTemplates {
    /// The account.
    pub connection_id: Uuid,
}

impl Payload for WhatsappTemplates {
    const POLICY: Policy = Policy::new("whatsapp.templates", "sync").attempts(5).seconds(300);
    const NAMES: &'static [(&'static str, Thing)] = &[("connection_id", CONNECTION)];
    const NOT_BY_HAND: Option<&'static str> = Some("the templates are read by their own route, and every night");

    fn unique_key(&self) -> Option<String> {
        Some(format!("whatsapp-templates:{}", self.connection_id))
    }

    /// An account that is away holds up its own templates, and no others.
    fn limit_key(&self) -> Option<String> {
        Some(self.connection_id.to_string())
    }
}
