//! An account at a Mautic site: its public part and its secrets.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::secret::{expose, expose_some};

/// A Mautic site, and the identity with which Herald signs in to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MauticSettings {
    /// The address of the site, such as `https://crm.example.com`, without `/api`.
    pub url: String,
    /// How Herald signs in.
    #[serde(flatten)]
    pub auth: MauticAuth,
}

/// How Herald signs in to Mautic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "auth", rename_all = "snake_case")]
pub enum MauticAuth {
    /// A user with a password.
    Basic {
        /// The user's name.
        user: String,
    },
    /// OAuth2 client credentials.
    Client {
        /// The client's public key, as Mautic calls it.
        client_id: String,
    },
}

/// The secrets of a Mautic account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MauticSecret {
    /// The user's password, or the client's secret.
    #[serde(serialize_with = "expose")]
    pub secret: SecretString,
    /// The secret with which Mautic signs its webhooks.
    #[serde(default, serialize_with = "expose_some")]
    pub webhook_secret: Option<SecretString>,
}
