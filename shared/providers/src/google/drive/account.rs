//! Calls that concern the account as a whole.

use herald_base::boxed;
use reqwest::header::ACCEPT;
use serde::{Deserialize, Deserializer, de::Error};

use super::{
    super::errors::{self, Asked, WHO},
    Drive,
};
use crate::{Meter, Result};

/// The most ids that Google returns at once.
const MOST_IDS: usize = 1000;

/// The owner of a Drive, and its storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The address of the account.
    pub user_email: String,
    /// The capacity in bytes; `None` without a limit.
    pub limit: Option<u64>,
    /// The bytes in use.
    pub usage: u64,
}

#[derive(Deserialize)]
struct GeneratedIds {
    ids: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AboutBody {
    #[serde(default)]
    user: User,
    #[serde(default)]
    storage_quota: Quota,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    #[serde(default)]
    email_address: String,
}

#[derive(Default, Deserialize)]
struct Quota {
    #[serde(default, deserialize_with = "number")]
    limit: Option<u64>,
    #[serde(default, deserialize_with = "number")]
    usage: Option<u64>,
}

impl Drive {
    /// Reserves ids that no file has yet; at most a thousand at once.
    ///
    /// # Errors
    /// As everywhere in this module.
    #[boxed]
    pub async fn reserve_ids(&self, count: usize, meter: &Meter) -> Result<Vec<String>> {
        let count = count.clamp(1, MOST_IDS).to_string();
        let query = [("count", count.as_str()), ("space", "drive"), ("type", "files"), ("fields", "ids")];
        let url = self.address(&["files", "generateIds"], &query);
        let given: GeneratedIds =
            self.send(meter, |client| client.get(url.clone()), |reply| self.account_answer(reply)).await?;
        Ok(given.ids)
    }

    /// Returns the owner of the Drive, and its storage.
    ///
    /// # Errors
    /// As everywhere in this module.
    #[boxed]
    pub async fn about(&self, meter: &Meter) -> Result<About> {
        let url = self.address(&["about"], &[("fields", "user(emailAddress),storageQuota(limit,usage)")]);
        let read = |reply: &_| self.account_answer(reply);
        let about: AboutBody =
            self.send(meter, |client| client.get(url.clone()).header(ACCEPT, "application/json"), read).await?;
        let Quota { limit, usage } = about.storage_quota;
        Ok(About { user_email: about.user.email_address, limit, usage: usage.unwrap_or_default() })
    }

    fn account_answer<T: serde::de::DeserializeOwned>(&self, reply: &crate::http::Reply) -> Result<T> {
        match reply.status.is_success() {
            true => reply.json(WHO),
            false => Err(errors::refused(reply, Asked::Account, self.auth())),
        }
    }
}

/// Reads a 64-bit number, which Google writes as a string for the sake of JavaScript.
pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Number(u64),
        Text(String),
    }
    match Option::<Number>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Number::Number(number)) => Ok(Some(number)),
        Some(Number::Text(text)) => text.parse().map(Some).map_err(D::Error::custom),
    }
}
