//! `[crm]`

use std::{collections::BTreeMap, fmt};

use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use herald_base::{role::Role, settings::SettingsError};
use herald_providers::{
    Http,
    directory::{Crm as Client, Encoding, Hash, Login, Scheme, Signature},
};

/// `[crm]`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct CrmSettings {
    pub url: String,
    pub token: String,
    pub token_file: String,
    pub users_path: String,
    pub login: CrmLogin,
    pub login_path: String,
    pub me_path: String,
    pub client_id: String,
    pub client_secret: String,
    pub client_secret_file: String,
    pub workspace: String,
    pub role: String,
    pub roles: BTreeMap<String, String>,
    pub max_missing_percent: u32,
    pub webhook: CrmWebhook,
}

/// How the CRM checks passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CrmLogin {
    /// It does not.
    None,
    /// By JSON.
    Json,
    /// By OAuth 2's password grant.
    Oauth,
}

/// `[crm.webhook]`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml documents each key")]
pub struct CrmWebhook {
    pub secret: String,
    pub secret_file: String,
    pub signature: CrmSignature,
    pub header: String,
    pub prefix: String,
    pub hash: Hash,
    pub encoding: Encoding,
    pub signed: String,
    pub id_header: String,
    pub timestamp_header: String,
}

/// How the CRM signs its webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CrmSignature {
    /// As Standard Webhooks have it.
    Standard,
    /// As the other keys say.
    Hmac,
}

impl fmt::Debug for CrmSettings {
    /// Without what is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crm")
            .field("is_set", &self.is_set())
            .field("login", &self.login)
            .field("signature", &self.webhook.signature)
            .finish_non_exhaustive()
    }
}

fn refuse<T>(key: &'static str, value: &str, rule: &'static str) -> Result<T, SettingsError> {
    Err(SettingsError::Range { key, value: value.to_owned(), rule })
}

impl CrmSettings {
    /// Whether there is one.
    pub fn is_set(&self) -> bool {
        !self.url.is_empty()
    }

    /// The CRM's client; `None` when there is none.
    ///
    /// # Errors
    /// [`SettingsError::Range`] when an address is not valid.
    pub fn client(&self, http: &Http) -> Result<Option<Client>, SettingsError> {
        if !self.is_set() {
            return Ok(None);
        }
        let login = match self.login {
            CrmLogin::None => Login::None,
            CrmLogin::Json => Login::Json,
            CrmLogin::Oauth => Login::Oauth {
                client_id: self.client_id.clone(),
                client_secret: SecretString::from(self.client_secret.clone()),
                me: self.below("crm.me_path", &self.me_path)?,
            },
        };
        let users = self.below("crm.users_path", &self.users_path)?;
        let login_url = self.below("crm.login_path", &self.login_path)?;
        Ok(Some(Client::new(http.clone(), SecretString::from(self.token.clone()), users, login_url, login)))
    }

    /// What checks its webhooks.
    ///
    /// # Errors
    /// [`SettingsError::Range`] when the secret cannot be one.
    pub fn signature(&self) -> Result<Signature, SettingsError> {
        let webhook = &self.webhook;
        let scheme = match webhook.signature {
            CrmSignature::Standard => Scheme::Standard,
            CrmSignature::Hmac => Scheme::Hmac {
                header: webhook.header.to_lowercase(),
                prefix: webhook.prefix.clone(),
                hash: webhook.hash,
                encoding: webhook.encoding,
                signed: webhook.signed.clone(),
                id_header: webhook.id_header.to_lowercase(),
                timestamp_header: webhook.timestamp_header.to_lowercase(),
            },
        };
        Signature::new(scheme, &SecretString::from(webhook.secret.clone()))
            .or_else(|rule| refuse("crm.webhook.secret", "not valid", rule))
    }

    /// The role here of a person with that role at the CRM.
    pub fn role_of(&self, role: Option<&str>) -> Role {
        let role = role.map(str::to_lowercase);
        let named = role.and_then(|role| self.roles.iter().find(|(name, _)| name.to_lowercase() == role));
        named.map_or(self.role.as_str(), |(_, ours)| ours.as_str()).parse().unwrap_or(Role::Viewer)
    }

    fn below(&self, key: &'static str, path: &str) -> Result<Url, SettingsError> {
        let whole = format!("{}/{}", self.url.trim_end_matches('/'), path.trim_start_matches('/'));
        match Url::parse(&whole) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
            _ => refuse(key, &whole, "begin crm.url with http:// or https://, and let this be a path below it"),
        }
    }

    /// Checks the values of `[crm]`.
    ///
    /// # Errors
    /// [`SettingsError::Range`].
    pub fn check(&self) -> Result<(), SettingsError> {
        const ROLES: &str = "use viewer, staff, agency or owner";
        if self.role.parse::<Role>().is_err() {
            return refuse("crm.role", &self.role, ROLES);
        }
        if let Some(role) = self.roles.values().find(|role| role.parse::<Role>().is_err()) {
            return refuse("crm.roles", role, ROLES);
        }
        if self.max_missing_percent > 100 {
            return refuse("crm.max_missing_percent", &self.max_missing_percent.to_string(), "use 0 to 100");
        }
        if self.webhook.signature == CrmSignature::Hmac {
            if self.webhook.header.is_empty() {
                return refuse("crm.webhook.header", "empty", "name the header that holds the CRM's signature");
            }
            if !self.webhook.signed.contains("{body}") {
                let rule = "it must contain {body}: without it, anyone can change the body";
                return refuse("crm.webhook.signed", &self.webhook.signed, rule);
            }
        }
        self.signature()?;
        for (key, path) in
            [("crm.users_path", &self.users_path), ("crm.login_path", &self.login_path), ("crm.me_path", &self.me_path)]
        {
            if self.is_set() {
                let url = self.below(key, path)?;
                let is_here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
                if url.scheme() == "http" && !is_here {
                    return refuse(
                        "crm.url",
                        &self.url,
                        "begin it with https://, because Herald sends passwords and the token there",
                    );
                }
            }
        }
        if self.is_set() && self.token.is_empty() {
            return refuse("crm.token", "empty", "set it to the token that programs use for the CRM's API");
        }
        Ok(())
    }
}
