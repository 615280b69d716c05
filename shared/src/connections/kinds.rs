//! What each provider's account consists of: what may be shown, and what is secret.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

/// A provider that a workspace can have an account with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// Google Drive.
    Google,
    /// Mautic.
    Mautic,
    /// A bucket of S3 or of a server that speaks as S3 does.
    S3,
}

impl ProviderKind {
    /// Its name in the ledger, on the command line, and what a connection is called that was given no name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Mautic => "mautic",
            Self::S3 => "s3",
        }
    }

    /// The queue whose rate and concurrency hold for calls to it.
    pub fn queue(self) -> &'static str {
        match self {
            Self::Google => "drive",
            Self::Mautic => "mautic",
            Self::S3 => "sync",
        }
    }
}

/// What may be shown of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "provider", rename_all = "lowercase")]
#[schema(as = ConnectionSettings)]
pub enum Settings {
    /// Google.
    Google(GoogleAuth),
    /// Mautic.
    Mautic(MauticSettings),
    /// A bucket.
    S3(BucketSettings),
}

impl Settings {
    /// Whose account it is.
    pub fn provider(&self) -> ProviderKind {
        match self {
            Self::Google(_) => ProviderKind::Google,
            Self::Mautic(_) => ProviderKind::Mautic,
            Self::S3(_) => ProviderKind::S3,
        }
    }
}

/// As whom Herald speaks to Google.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "auth", rename_all = "snake_case")]
pub enum GoogleAuth {
    /// As a service account, or as a person of its domain in whose name it may act (domain-wide delegation).
    ServiceAccount {
        /// The account's address.
        client_email: String,
        /// Which of its keys signs.
        private_key_id: String,
        /// The person it acts as.
        #[serde(default)]
        subject: Option<String>,
    },
    /// As a person who consented.
    User {
        /// The OAuth client that asked for consent.
        client_id: String,
    },
}

/// What is secret of a Google account.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "auth", rename_all = "snake_case")]
pub enum GoogleSecret {
    /// Of a service account.
    ServiceAccount {
        /// PKCS#8 in PEM.
        #[serde(serialize_with = "expose")]
        private_key: SecretString,
    },
    /// Of a person's consent.
    User {
        /// Of the OAuth client.
        #[serde(serialize_with = "expose")]
        client_secret: SecretString,
        /// What consent gave; `None` until it was given.
        #[serde(serialize_with = "expose_some")]
        refresh_token: Option<SecretString>,
    },
}

/// A Mautic site and as whom Herald speaks to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MauticSettings {
    /// Where the site is, such as `https://crm.example.com`, without `/api`.
    pub url: String,
    /// How Herald says who it is.
    #[serde(flatten)]
    pub auth: MauticAuth,
}

/// How Herald says to Mautic who it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "auth", rename_all = "snake_case")]
pub enum MauticAuth {
    /// A user and their password.
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

/// What is secret of a Mautic account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MauticSecret {
    /// The user's password, or the client's secret.
    #[serde(serialize_with = "expose")]
    pub secret: SecretString,
    /// What Mautic signs its webhooks with.
    #[serde(default, serialize_with = "expose_some")]
    pub webhook_secret: Option<SecretString>,
}

/// A bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BucketSettings {
    /// Its name.
    pub bucket: String,
    /// What every key begins with; may be empty.
    #[serde(default)]
    pub prefix: String,
    /// Where the server is; Amazon's own if empty.
    #[serde(default)]
    pub endpoint: String,
    /// Its region; us-east-1 if empty.
    #[serde(default)]
    pub region: String,
    /// Public half of the key.
    pub access_key_id: String,
    /// The bucket's name stands in the path of an address rather than before the server's name.
    #[serde(default)]
    pub path_style: bool,
    /// Take an endpoint without TLS.
    #[serde(default)]
    pub allow_http: bool,
}

/// What is secret of a bucket.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct S3Secret {
    /// Secret half of the key.
    #[serde(serialize_with = "expose")]
    pub secret_key: SecretString,
}

/// What is secret of an account.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "provider", rename_all = "lowercase")]
pub enum Credentials {
    /// Google.
    Google(GoogleSecret),
    /// Mautic.
    Mautic(MauticSecret),
    /// A bucket.
    S3(S3Secret),
}

fn expose<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

fn expose_some<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(ExposeSecret::expose_secret).serialize(serializer)
}
