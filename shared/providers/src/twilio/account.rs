//! An account at Twilio: its public part, its secret, and where Twilio is.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::secret::expose;

/// An account at Twilio.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TwilioSettings {
    /// The account's SID, which begins with AC.
    pub account_sid: String,
    /// The SID of a messaging service, which begins with MG and chooses the number that sends. Left out: the sender's
    /// own number sends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messaging_service_sid: Option<String>,
}

impl TwilioSettings {
    /// Whether a text is a SID: two letters and 32 digits of base 16.
    pub fn is_sid(text: &str, begins: &str) -> bool {
        text.strip_prefix(begins).is_some_and(|rest| {
            rest.len() == 32 && rest.chars().all(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase())
        })
    }
}

/// What is secret of an account at Twilio.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TwilioSecret {
    /// The token with which Herald signs in, and with which Twilio signs its webhooks.
    #[serde(serialize_with = "expose")]
    pub auth_token: SecretString,
}

/// Where Twilio is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TwilioPlaces {
    /// The address of the API of messages.
    pub api: Url,
    /// The address of the API of templates.
    pub content: Url,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sid_has_its_letters_and_32_digits() {
        assert!(TwilioSettings::is_sid("AC0123456789abcdef0123456789abcdef", "AC"));
        for wrong in ["", "AC", "MG0123456789abcdef0123456789abcdef", "AC0123456789abcdef0123456789abcde/", "AC0123"] {
            assert!(!TwilioSettings::is_sid(wrong, "AC"), "{wrong}");
        }
    }
}
