//! The envelope of Amazon SNS: its signature, and the question whether its topic may write here.
//!
//! An envelope names the certificate with which it is signed. It is believed only from Amazon's own hosts over TLS; so
//! is the address that confirms a subscription. Neither is asked before the topic was found in the settings.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use herald_base::boxed;
use reqwest::Method;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use serde_json::Value;
use url::Url;

use super::{NotTaken, text};
use crate::outside::{Guard, GuardedHttp, Ports};

/// The most certificates that are kept: Amazon has one a region, and changes it now and then.
const KEPT: usize = 64;
/// The largest certificate, in bytes.
const LARGEST: usize = 32 * 1024;
/// How long a call to SNS may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The certificates of SNS, fetched once each. Cheap to clone; clones share them.
#[derive(Clone, Debug)]
pub struct Certificates {
    http: Option<GuardedHttp>,
    /// By address, the public key.
    keys: Arc<Mutex<HashMap<String, Vec<u8>>>>,
}

/// The address that confirms a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirm(Url);

impl Certificates {
    /// Certificates that are fetched from Amazon, and from no other host.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub fn new() -> anyhow::Result<Self> {
        let http = GuardedHttp::new(Guard::public(Ports::Usual), || crate::http::builder(&[]))?;
        Ok(Self { http: Some(http), keys: Arc::default() })
    }

    /// These certificates alone, in PEM, by their addresses.
    pub fn known(known: &[(&str, &str)]) -> Self {
        let keys = known.iter().filter_map(|(address, pem)| Some(((*address).to_owned(), public_key(pem)?)));
        Self { http: None, keys: Arc::new(Mutex::new(keys.collect())) }
    }

    async fn key(&self, address: &str) -> Result<Vec<u8>, NotTaken> {
        let url = amazons(address).ok_or(NotTaken::NotGenuine("its certificate is not one of Amazon's"))?;
        if let Some(key) = self.keys.lock().unwrap_or_else(PoisonError::into_inner).get(address) {
            return Ok(key.clone());
        }
        let away = NotTaken::NotGenuine("its certificate cannot be fetched now");
        let pem = self.get(url).await.ok_or(away)?;
        let key = public_key(&pem).ok_or(NotTaken::NotGenuine("its certificate cannot be read"))?;
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= KEPT {
            keys.clear();
        }
        keys.insert(address.to_owned(), key.clone());
        Ok(key)
    }

    /// Tells SNS that its topic may write here. False: it could not be told now, and SNS asks again.
    #[boxed]
    pub async fn confirm(&self, Confirm(url): Confirm) -> bool {
        self.get(url).await.is_some()
    }

    async fn get(&self, url: Url) -> Option<String> {
        let http = self.http.as_ref()?;
        let mut request = reqwest::Request::new(Method::GET, url);
        *request.timeout_mut() = Some(PATIENCE);
        let mut answer = http.execute(request).await.ok().filter(|answer| answer.status().is_success())?;
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.ok()? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > LARGEST {
                return None;
            }
        }
        String::from_utf8(bytes).ok()
    }
}

/// An address of SNS: `https://sns.<region>.amazonaws.com/…`, also of China's regions.
fn amazons(address: &str) -> Option<Url> {
    let url = Url::parse(address).ok()?;
    let host = url.host_str()?;
    let region = host
        .strip_prefix("sns.")
        .and_then(|rest| rest.strip_suffix(".amazonaws.com").or(rest.strip_suffix(".amazonaws.com.cn")))?;
    let is_region =
        !region.is_empty() && region.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    let is_plain = url.scheme() == "https" && url.port().is_none() && url.username().is_empty();
    (is_region && is_plain).then_some(url)
}

/// Checks the signature of an envelope.
pub(super) async fn check(certificates: &Certificates, envelope: &Value) -> Result<(), NotTaken> {
    let fields: &[&str] = match text(envelope, "/Type") {
        Some("Notification") => &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
        Some("SubscriptionConfirmation" | "UnsubscribeConfirmation") => {
            &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
        }
        _ => return Err(NotTaken::Unreadable("it is not an envelope of SNS")),
    };
    let algorithm: &dyn VerificationAlgorithm = match text(envelope, "/SignatureVersion") {
        Some("1") => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        Some("2") => &RSA_PKCS1_2048_8192_SHA256,
        _ => return Err(NotTaken::NotGenuine("its signature is of an unknown version")),
    };
    let mut signed = String::new();
    for field in fields {
        // As it stands: spaces around it are signed as well.
        let Some(value) = envelope.get(*field).and_then(Value::as_str) else { continue };
        signed.extend([*field, "\n", value, "\n"]);
    }
    let signature = text(envelope, "/Signature").and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
    let key = certificates.key(text(envelope, "/SigningCertURL").unwrap_or_default()).await?;
    UnparsedPublicKey::new(algorithm, key)
        .verify(signed.as_bytes(), &signature)
        .map_err(|_| NotTaken::NotGenuine("the signature does not match"))
}

/// Where a subscription is confirmed.
pub(super) fn confirmation(envelope: &Value) -> Result<Confirm, NotTaken> {
    let address = text(envelope, "/SubscribeURL").unwrap_or_default();
    amazons(address)
        .map(Confirm)
        .ok_or(NotTaken::NotGenuine("it asks for a confirmation at a host that is not Amazon's"))
}

/// The public key of the first certificate in a PEM file: a `RSAPublicKey` in DER.
fn public_key(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let der = STANDARD.decode(body.split_whitespace().collect::<String>()).ok()?;
    let (_, certificate, _) = element(&der)?;
    let (_, mut signed, _) = element(certificate)?;
    // The version, if it is there, and then serial number, algorithm, issuer, validity and subject.
    if signed.first() == Some(&0xA0) {
        signed = element(signed)?.2;
    }
    for _ in 0..5 {
        signed = element(signed)?.2;
    }
    let (_, info, _) = element(signed)?;
    let (_, _, bits) = element(info)?;
    let (tag, key, _) = element(bits)?;
    // A bit string begins with the number of unused bits.
    (tag == 0x03 && key.first() == Some(&0)).then(|| key.get(1..).unwrap_or_default().to_vec())
}

/// The first element of DER: its tag, its content, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7F => (usize::from(*first), rest),
        0x81..=0x83 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}
