//! What each provider's account consists of: what may be shown, and what is secret.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use herald_providers::{
    email::{SmtpSecret, SmtpServer},
    google::{GoogleAuth, GoogleSecret},
    mautic::{MauticSecret, MauticSettings},
    meta::{MetaSecret, MetaSettings},
    secret::expose,
    twilio::{TwilioSecret, TwilioSettings},
};

/// A provider that a workspace can have an account with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// Google Drive.
    Google,
    /// Mautic.
    Mautic,
    /// A bucket on Amazon S3 or on a compatible server.
    S3,
    /// A mail server.
    Smtp,
    /// WhatsApp by Twilio.
    Twilio,
    /// WhatsApp by Meta's Cloud API.
    Meta,
}

impl ProviderKind {
    /// Its name in the ledger and on the command line, and the name of a connection that was given none.
    pub fn name(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Mautic => "mautic",
            Self::S3 => "s3",
            Self::Smtp => "smtp",
            Self::Twilio => "twilio",
            Self::Meta => "meta",
        }
    }

    /// Whether it sends messages over WhatsApp.
    pub fn is_whatsapp(self) -> bool {
        matches!(self, Self::Twilio | Self::Meta)
    }

    /// The queue whose rate and concurrency hold for calls to it.
    pub fn queue(self) -> &'static str {
        match self {
            Self::Google => "drive",
            Self::Mautic => "mautic",
            Self::S3 => "sync",
            Self::Smtp => "email",
            Self::Twilio | Self::Meta => "bulk",
        }
    }
}

/// The settings of a connection, without its secrets.
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
    /// A mail server.
    Smtp(SmtpServer),
    /// WhatsApp by Twilio.
    Twilio(TwilioSettings),
    /// WhatsApp by Meta's Cloud API.
    Meta(MetaSettings),
}

impl Settings {
    /// Whose account it is.
    pub fn provider(&self) -> ProviderKind {
        match self {
            Self::Google(_) => ProviderKind::Google,
            Self::Mautic(_) => ProviderKind::Mautic,
            Self::S3(_) => ProviderKind::S3,
            Self::Smtp(_) => ProviderKind::Smtp,
            Self::Twilio(_) => ProviderKind::Twilio,
            Self::Meta(_) => ProviderKind::Meta,
        }
    }
}

/// A bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BucketSettings {
    /// The name of the bucket.
    pub bucket: String,
    /// The prefix of every object key; may be empty.
    #[serde(default)]
    pub prefix: String,
    /// The address of the server; Amazon's own if empty.
    #[serde(default)]
    pub endpoint: String,
    /// The region of the bucket; us-east-1 if empty.
    #[serde(default)]
    pub region: String,
    /// The id of the access key.
    pub access_key_id: String,
    /// Whether the bucket's name is in the path of an address instead of the host name.
    #[serde(default)]
    pub path_style: bool,
    /// Whether to allow an endpoint without TLS.
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
    /// A mail server.
    Smtp(SmtpSecret),
    /// WhatsApp by Twilio.
    Twilio(TwilioSecret),
    /// WhatsApp by Meta's Cloud API.
    Meta(MetaSecret),
}

impl Credentials {
    /// What a person must still do before the account works.
    pub(crate) fn lacks(&self) -> Option<&'static str> {
        match self {
            Self::Google(secret) => secret.lacks(),
            Self::Mautic(_) | Self::S3(_) | Self::Smtp(_) | Self::Twilio(_) | Self::Meta(_) => None,
        }
    }
}
