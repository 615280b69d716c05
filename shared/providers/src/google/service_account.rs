//! A service account's key file, as the Google Cloud console provides it.

use secrecy::SecretString;
use serde::Deserialize;

use super::signer::Signer;
use crate::{
    Class, ProviderError, Result,
    google::{GoogleAuth, GoogleSecret},
};

/// The parts of a key file that Herald reads.
#[derive(Clone, Debug)]
pub struct ServiceAccount {
    /// The address of the account.
    pub client_email: String,
    /// The id of the key.
    pub private_key_id: String,
    /// The key as PKCS#8 in PEM.
    pub private_key: SecretString,
    /// The address for token requests, according to the file. It is for information only: Herald uses the address from
    /// its settings, because a file can contain any address.
    pub token_uri: Option<String>,
}

#[derive(Deserialize)]
struct KeyFile {
    r#type: Option<String>,
    client_email: Option<String>,
    private_key_id: Option<String>,
    private_key: Option<SecretString>,
    token_uri: Option<String>,
    web: Option<serde::de::IgnoredAny>,
    installed: Option<serde::de::IgnoredAny>,
}

impl ServiceAccount {
    /// Reads a key file, and checks that its key can sign.
    ///
    /// # Errors
    /// [`Class::Config`], with a description of the problem.
    pub fn parse(json: &str) -> Result<Self> {
        let file: KeyFile = serde_json::from_str(json).map_err(|_| {
            wrong(
                "this is not the key file of a service account: download the JSON in the Google Cloud console under \
                 IAM & Admin, Service Accounts, Keys",
            )
        })?;
        if file.web.is_some() || file.installed.is_some() {
            return Err(wrong(
                "this is the file of an OAuth client, not a service account's key file: give it as the client's file, \
                 or make a key (JSON) under \
                 IAM & Admin, Service Accounts, Keys",
            ));
        }
        match file.r#type.as_deref() {
            Some("service_account") | None => {}
            Some("authorized_user") => {
                return Err(wrong(
                    "this file contains the sign-in of a person (from gcloud), not a service account's key: make a \
                     key (JSON) under IAM & Admin, Service Accounts, Keys",
                ));
            }
            Some(_) => return Err(wrong("this is not a key file: its \"type\" is not \"service_account\"")),
        }
        let missing =
            |field| wrong(format!("the key file has no {field:?}: download it again from the Google Cloud console"));
        let filled = |field: Option<String>| field.filter(|text| !text.trim().is_empty());
        let account = Self {
            client_email: filled(file.client_email).ok_or_else(|| missing("client_email"))?,
            private_key_id: filled(file.private_key_id).ok_or_else(|| missing("private_key_id"))?,
            private_key: file.private_key.ok_or_else(|| missing("private_key"))?,
            token_uri: file.token_uri,
        };
        Signer::new(&account.client_email, &account.private_key_id, &account.private_key)?;
        Ok(account)
    }

    /// Splits the key file into the parts of a connection, which acts as the account itself or as `subject`, a person
    /// of its domain.
    pub fn connection(self, subject: Option<String>) -> (GoogleAuth, GoogleSecret) {
        let Self { client_email, private_key_id, private_key, token_uri: _ } = self;
        (
            GoogleAuth::ServiceAccount { client_email, private_key_id, subject },
            GoogleSecret::ServiceAccount { private_key },
        )
    }
}

fn wrong(message: impl Into<String>) -> ProviderError {
    ProviderError::new(Class::Config, message)
}
