//! A service account's signature, with which it requests a token.
//!
//! <https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests>

use std::fmt;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use chrono::{DateTime, TimeDelta, Utc};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde_json::json;

use crate::{Class, ProviderError, Result};

/// Google refuses an assertion from the future, and clocks differ.
const SKEW: TimeDelta = TimeDelta::seconds(10);
/// The longest validity that Google allows.
const VALID: TimeDelta = TimeDelta::seconds(3600);

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// Signs for a service account.
pub struct Signer {
    client_email: String,
    private_key_id: String,
    key: RsaKeyPair,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("client_email", &self.client_email).finish_non_exhaustive()
    }
}

impl Signer {
    /// Creates a signer for an account and one of its keys, PKCS#8 in PEM.
    ///
    /// # Errors
    /// [`Class::Config`] when the key cannot be used.
    pub fn new(client_email: &str, private_key_id: &str, private_key: &SecretString) -> Result<Self> {
        let der = der(private_key.expose_secret()).map_err(unusable)?;
        let key = RsaKeyPair::from_pkcs8(der.expose_secret())
            .map_err(|error| unusable(format!("is not an RSA key of 2048 to 4096 bits in PKCS#8 ({error})")))?;
        Ok(Self { client_email: client_email.to_owned(), private_key_id: private_key_id.to_owned(), key })
    }

    /// The address of the account.
    pub fn client_email(&self) -> &str {
        &self.client_email
    }

    /// Creates a JWT that asks `token_url` for a token with these scopes, separated by spaces, in the name of `subject`
    /// if there is one. The JWT is valid for an hour.
    ///
    /// # Errors
    /// [`Class::Transient`] when the system provides no randomness.
    pub fn assertion(
        &self,
        scopes: &str,
        subject: Option<&str>,
        token_url: &str,
        now: DateTime<Utc>,
    ) -> Result<SecretString> {
        let issued = now - SKEW;
        let mut claims = json!({
            "iss": self.client_email,
            "scope": scopes,
            "aud": token_url,
            "iat": issued.timestamp(),
            "exp": (issued + VALID).timestamp(),
        });
        if let Some(subject) = subject {
            claims["sub"] = subject.into();
        }
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": self.private_key_id });
        let encode = |part: &serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        // The randomness blinds the computation; the signature itself contains none.
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).map_err(|_| {
            ProviderError::new(Class::Transient, "the system gives no randomness to sign a request to Google with")
        })?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
    }

    /// The public key, to verify signatures.
    #[cfg(test)]
    pub(super) fn public_key(&self) -> &[u8] {
        self.key.public().as_ref()
    }
}

fn unusable(why: impl fmt::Display) -> ProviderError {
    ProviderError::new(
        Class::Config,
        format!(
            "the service account's private key {why}: make a new key (JSON) for the account in the Google Cloud console"
        ),
    )
}

/// Decodes the content between the lines of the PEM armour (RFC 7468).
fn der(pem: &str) -> std::result::Result<SecretSlice<u8>, &'static str> {
    if pem.contains("-----BEGIN RSA PRIVATE KEY-----") {
        return Err("is in PKCS#1, not in PKCS#8 as Google issues it (`openssl pkcs8 -topk8 -nocrypt` converts it)");
    }
    if pem.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
        return Err("is encrypted");
    }
    let body = pem.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END)).map(|(body, _)| body);
    let body = body.ok_or("is not in PEM (no line \"BEGIN PRIVATE KEY\")")?;
    // A key that passed through an environment variable has escaped line ends.
    let body: String = body.replace("\\n", "").split_whitespace().collect();
    Ok(STANDARD.decode(body).map_err(|_| "is damaged (its PEM is not valid Base64)")?.into())
}
