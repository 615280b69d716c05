//! A Google account: its public part and its secrets.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::secret::{expose, expose_some};

/// The identity with which Herald signs in to Google.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "auth", rename_all = "snake_case")]
pub enum GoogleAuth {
    /// A service account, which may act in the name of a person of its domain (domain-wide delegation).
    ServiceAccount {
        /// The e-mail address of the service account.
        client_email: String,
        /// The id of the signing key.
        private_key_id: String,
        /// The person in whose name the service account acts.
        #[serde(default)]
        subject: Option<String>,
    },
    /// A person who consented.
    User {
        /// The OAuth client that asked for consent.
        client_id: String,
    },
}

/// The secrets of a Google account.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "auth", rename_all = "snake_case")]
pub enum GoogleSecret {
    /// The secret of a service account.
    ServiceAccount {
        /// The key as PKCS#8 in PEM.
        #[serde(serialize_with = "expose")]
        private_key: SecretString,
    },
    /// The secrets of a person's consent.
    User {
        /// The secret of the OAuth client.
        #[serde(serialize_with = "expose")]
        client_secret: SecretString,
        /// The refresh token; `None` until the person has consented.
        #[serde(serialize_with = "expose_some")]
        refresh_token: Option<SecretString>,
    },
}

impl GoogleSecret {
    /// What a person must still do before the account works.
    pub fn lacks(&self) -> Option<&'static str> {
        matches!(self, Self::User { refresh_token: None, .. }).then_some(NO_CONSENT)
    }
}

pub(super) const NO_CONSENT: &str = "no person has given Herald consent for Google Drive yet: ask for it on the \
                                     account's page in the console, or with `herald connect google …`";
