//! An account at Meta: its public part and its secrets.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::secret::expose;

/// A number of a WhatsApp Business Account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MetaSettings {
    /// The id of the number that sends, which is not the number itself.
    pub phone_number_id: String,
    /// The id of the WhatsApp Business Account, which has the templates.
    pub business_account_id: String,
}

impl MetaSettings {
    /// Whether a text is an id of Meta's: digits alone.
    pub fn is_id(text: &str) -> bool {
        (1..=32).contains(&text.len()) && text.chars().all(|c| c.is_ascii_digit())
    }
}

/// What is secret of an account at Meta.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MetaSecret {
    /// The token of a system user.
    #[serde(serialize_with = "expose")]
    pub access_token: SecretString,
    /// The secret of the app, with which Meta signs its webhooks.
    #[serde(serialize_with = "expose")]
    pub app_secret: SecretString,
    /// The word that Meta says when it asks whether the address of the webhook is ours.
    #[serde(serialize_with = "expose")]
    pub verify_token: SecretString,
}
