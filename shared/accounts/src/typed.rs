//! A connection as a person types it: the JSON of `PUT /connections/{name}`, or the options of `herald connect`.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{BucketSettings, Credentials, S3Secret, Settings};
use crate::ProviderKind;
use herald_providers::google::{ClientFile, ServiceAccount};
use herald_providers::{
    email::{MailTls, SmtpSecret, SmtpServer},
    google::{GoogleAuth, GoogleSecret},
    mautic::{MauticAuth, MauticSecret, MauticSettings},
    meta::{MetaSecret, MetaSettings},
    twilio::{TwilioSecret, TwilioSettings},
};

/// The fields of a new connection.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(tag = "provider", rename_all = "lowercase", deny_unknown_fields)]
#[schema(as = NewConnection)]
pub enum Typed {
    /// Google: a service account's key file, or an OAuth client's file for a person to consent with.
    Google {
        /// The unchanged key file: its JSON, or the JSON as text.
        #[serde(default)]
        #[schema(value_type = Option<serde_json::Value>)]
        service_account: Option<serde_json::Value>,
        /// The person of the domain in whose name the service account acts.
        #[serde(default)]
        subject: Option<String>,
        /// The unchanged file of the OAuth client: its JSON, or the JSON as text.
        #[serde(default)]
        #[schema(value_type = Option<serde_json::Value>)]
        client: Option<serde_json::Value>,
    },
    /// Mautic: a user with a password, or an OAuth2 client.
    Mautic {
        /// The address of the site.
        url: String,
        /// The user name of Herald in Mautic.
        #[serde(default)]
        user: Option<String>,
        /// The password of the user.
        #[serde(default)]
        #[schema(value_type = Option<String>, format = Password, write_only)]
        password: Option<SecretString>,
        /// The client's public key.
        #[serde(default)]
        client_id: Option<String>,
        /// The client's secret key.
        #[serde(default)]
        #[schema(value_type = Option<String>, format = Password, write_only)]
        client_secret: Option<SecretString>,
        /// The secret with which Mautic signs its webhooks.
        #[serde(default)]
        #[schema(value_type = Option<String>, format = Password, write_only)]
        webhook_secret: Option<SecretString>,
    },
    /// A bucket.
    S3 {
        /// The bucket and its server.
        #[serde(flatten)]
        bucket: BucketSettings,
        /// The secret access key.
        #[schema(value_type = String, format = Password, write_only)]
        secret_key: SecretString,
    },
    /// A mail server.
    Smtp {
        /// The server.
        #[serde(flatten)]
        server: SmtpServer,
        /// The password of the user.
        #[serde(default)]
        #[schema(value_type = Option<String>, format = Password, write_only)]
        password: Option<SecretString>,
    },
    /// WhatsApp by Twilio.
    Twilio {
        /// The account's SID, which begins with AC.
        account_sid: String,
        /// The SID of a messaging service, if it chooses the number that sends.
        #[serde(default)]
        messaging_service_sid: Option<String>,
        /// The account's auth token.
        #[schema(value_type = String, format = Password, write_only)]
        auth_token: SecretString,
    },
    /// WhatsApp by Meta's Cloud API.
    Meta {
        /// The id of the number that sends.
        phone_number_id: String,
        /// The id of the WhatsApp Business Account.
        business_account_id: String,
        /// The token of a system user.
        #[schema(value_type = String, format = Password, write_only)]
        access_token: SecretString,
        /// The secret of the app, with which Meta signs its webhooks.
        #[schema(value_type = String, format = Password, write_only)]
        app_secret: SecretString,
        /// A word of your own choice, which you also enter at Meta with the address of the webhook.
        #[schema(value_type = String, format = Password, write_only)]
        verify_token: SecretString,
    },
}

impl std::fmt::Debug for Typed {
    /// Only whose account it is: key files stand in it as they are.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Typed").field("provider", &self.provider()).finish_non_exhaustive()
    }
}

/// The error in an account as a person entered it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct TypedError {
    /// The field.
    pub field: &'static str,
    /// What is wrong with it and what to do.
    pub detail: String,
}

fn wrong<T>(field: &'static str, detail: impl Into<String>) -> Result<T, TypedError> {
    Err(TypedError { field, detail: detail.into() })
}

fn given(text: &Option<String>) -> Option<String> {
    text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

impl Typed {
    /// Whose account it is.
    pub fn provider(&self) -> ProviderKind {
        match self {
            Self::Google { .. } => ProviderKind::Google,
            Self::Mautic { .. } => ProviderKind::Mautic,
            Self::S3 { .. } => ProviderKind::S3,
            Self::Smtp { .. } => ProviderKind::Smtp,
            Self::Twilio { .. } => ProviderKind::Twilio,
            Self::Meta { .. } => ProviderKind::Meta,
        }
    }

    /// Splits the entry into the settings, which may be shown, and the secret, if it can be an account.
    ///
    /// # Errors
    /// The field that is wrong.
    pub fn read(self) -> Result<(Settings, Credentials), TypedError> {
        match self {
            Self::Google { service_account: Some(key), subject, client: None } => {
                let key = text(&key);
                let key = ServiceAccount::parse(&key)
                    .map_err(|error| TypedError { field: "service_account", detail: error.to_string() })?;
                let auth = GoogleAuth::ServiceAccount {
                    client_email: key.client_email,
                    private_key_id: key.private_key_id,
                    subject: given(&subject),
                };
                let secret = GoogleSecret::ServiceAccount { private_key: key.private_key };
                Ok((Settings::Google(auth), Credentials::Google(secret)))
            }
            Self::Google { service_account: None, subject, client: Some(client) } => {
                if subject.is_some() {
                    return wrong(
                        "subject",
                        "only a service account can act in a person's name: leave the subject out",
                    );
                }
                let client = ClientFile::parse(&text(&client))
                    .map_err(|error| TypedError { field: "client", detail: error.to_string() })?;
                let secret = GoogleSecret::User { client_secret: client.client_secret, refresh_token: None };
                let auth = GoogleAuth::User { client_id: client.client_id };
                Ok((Settings::Google(auth), Credentials::Google(secret)))
            }
            Self::Google { .. } => wrong(
                "service_account",
                "a Google connection needs either the key file of a service account or the file of an OAuth client: \
                 give one of the two",
            ),
            Self::Mautic { url, user, password, client_id, client_secret, webhook_secret } => {
                let url = match MauticSettings::site(&url) {
                    Ok(url) => url.to_string().trim_end_matches('/').to_owned(),
                    Err(detail) => return wrong("url", detail),
                };
                let (auth, secret) = match (given(&user), password, given(&client_id), client_secret) {
                    (Some(user), Some(password), None, None) => (MauticAuth::Basic { user }, password),
                    (None, None, Some(client_id), Some(secret)) => (MauticAuth::Client { client_id }, secret),
                    _ => {
                        return wrong(
                            "user",
                            "a Mautic connection needs either user and password or client_id and client_secret: give \
                             one of the two pairs whole",
                        );
                    }
                };
                let settings = MauticSettings { url, auth };
                Ok((Settings::Mautic(settings), Credentials::Mautic(MauticSecret { secret, webhook_secret })))
            }
            Self::S3 { mut bucket, secret_key } => {
                // Without a key of its own a client would look for one around it, and find this machine's.
                bucket.access_key_id = bucket.access_key_id.trim().to_owned();
                if bucket.access_key_id.is_empty() {
                    return wrong(
                        "access_key_id",
                        "access_key_id is missing: give the access key of an account that may use the bucket",
                    );
                }
                if secret_key.expose_secret().trim().is_empty() {
                    return wrong(
                        "secret_key",
                        "secret_key is missing: give the secret key that belongs to access_key_id",
                    );
                }
                if !bucket.region.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
                    return wrong(
                        "region",
                        "the region is not valid: use only letters, digits and -, such as eu-central-1",
                    );
                }
                if bucket.bucket.trim().is_empty() || bucket.bucket.contains('/') {
                    return wrong(
                        "bucket",
                        "the bucket's name is not valid: give the name alone, and put the beginning of \
                         the keys in prefix",
                    );
                }
                Ok((Settings::S3(bucket), Credentials::S3(S3Secret { secret_key })))
            }
            Self::Smtp { server, password } => smtp(server, password),
            Self::Twilio { account_sid, messaging_service_sid, auth_token } => {
                twilio(account_sid, messaging_service_sid, auth_token)
            }
            Self::Meta { phone_number_id, business_account_id, access_token, app_secret, verify_token } => {
                let secret = MetaSecret {
                    access_token: typed_secret("access_token", access_token)?,
                    app_secret: typed_secret("app_secret", app_secret)?,
                    verify_token: typed_secret("verify_token", verify_token)?,
                };
                let settings = MetaSettings {
                    phone_number_id: id_of_meta("phone_number_id", &phone_number_id)?,
                    business_account_id: id_of_meta("business_account_id", &business_account_id)?,
                };
                Ok((Settings::Meta(settings), Credentials::Meta(secret)))
            }
        }
    }
}

fn twilio(
    account_sid: String,
    messaging_service_sid: Option<String>,
    auth_token: SecretString,
) -> Result<(Settings, Credentials), TypedError> {
    let account_sid = account_sid.trim().to_owned();
    if !TwilioSettings::is_sid(&account_sid, "AC") {
        let detail = "this is not the SID of an account: copy it from the Twilio console; it is AC and 32 digits";
        return wrong("account_sid", detail);
    }
    let service = given(&messaging_service_sid);
    if service.as_deref().is_some_and(|sid| !TwilioSettings::is_sid(sid, "MG")) {
        let detail = "this is not the SID of a messaging service: copy it, MG and 32 digits, or leave it out";
        return wrong("messaging_service_sid", detail);
    }
    let secret = TwilioSecret { auth_token: typed_secret("auth_token", auth_token)? };
    let settings = TwilioSettings { account_sid, messaging_service_sid: service };
    Ok((Settings::Twilio(settings), Credentials::Twilio(secret)))
}

/// A secret, as it is copied from a console: without what stands around it.
fn typed_secret(field: &'static str, secret: SecretString) -> Result<SecretString, TypedError> {
    let text = secret.expose_secret().trim();
    if text.is_empty() || text.len() > 4096 || text.chars().any(char::is_control) {
        return wrong(field, format!("{field} is missing, or is more than one line: copy it again"));
    }
    Ok(SecretString::from(text))
}

fn id_of_meta(field: &'static str, text: &str) -> Result<String, TypedError> {
    let text = text.trim();
    if !MetaSettings::is_id(text) {
        let detail =
            format!("{field} is not an id: copy it from Meta's page; it consists of digits, and is no number to call");
        return wrong(field, detail);
    }
    Ok(text.to_owned())
}

fn smtp(mut server: SmtpServer, password: Option<SecretString>) -> Result<(Settings, Credentials), TypedError> {
    server.host = server.host.trim().trim_end_matches('.').to_ascii_lowercase();
    // The resolver would look up a port, a scheme or a path as part of the name.
    if server.host.is_empty() || server.host.contains(['/', '@', ' ', '[', ']']) {
        return wrong("host", "the name of the server is not valid: give the name alone, such as smtp.example.com");
    }
    server.user = given(&server.user);
    let password = password.filter(|password| !password.expose_secret().is_empty());
    if server.user.is_some() != password.is_some() {
        let (field, lacking) = if server.user.is_some() { ("password", "password") } else { ("user", "user") };
        return wrong(field, format!("the {lacking} is missing: give user and password, or neither"));
    }
    if server.tls == MailTls::None && password.is_some() {
        return wrong("tls", "the password would cross the network unencrypted: use starttls or tls");
    }
    Ok((Settings::Smtp(server), Credentials::Smtp(SmtpSecret { password })))
}

/// A file's JSON, whether it was put in as JSON or as text.
fn text(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_server_has_a_login_that_is_whole_and_goes_over_the_wire_encrypted() {
        let read = |more: serde_json::Value| {
            let mut typed = serde_json::json!({ "provider": "smtp", "host": " SMTP.Example.com. " });
            typed.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            serde_json::from_value::<Typed>(typed).unwrap().read()
        };
        let (settings, _) = read(serde_json::json!({ "user": "herald", "password": "hunter2" })).unwrap();
        let shown = serde_json::json!({
            "provider": "smtp", "host": "smtp.example.com", "port": 0, "tls": "starttls", "user": "herald",
        });
        assert_eq!(serde_json::json!(settings), shown);
        for (more, field) in [
            (serde_json::json!({ "user": "herald" }), "password"),
            (serde_json::json!({ "password": "hunter2" }), "user"),
            (serde_json::json!({ "host": "https://smtp.example.com" }), "host"),
            (serde_json::json!({ "user": "herald", "password": "hunter2", "tls": "none" }), "tls"),
        ] {
            assert_eq!(read(more).unwrap_err().field, field);
        }
    }

    #[test]
    fn accounts_of_whatsapp_have_ids_and_secrets_that_can_be_ones() {
        let read = |typed: serde_json::Value, more: serde_json::Value| {
            let mut typed = typed;
            typed.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            serde_json::from_value::<Typed>(typed).unwrap().read()
        };
        let twilio = |more| {
            let sid = "AC0123456789abcdef0123456789abcdef";
            read(serde_json::json!({ "provider": "twilio", "account_sid": sid, "auth_token": " hunter2 " }), more)
        };
        let meta = |more| {
            let typed = serde_json::json!({
                "provider": "meta", "phone_number_id": " 55 ", "business_account_id": "66",
                "access_token": "a", "app_secret": "b", "verify_token": "c",
            });
            read(typed, more)
        };
        let (settings, Credentials::Twilio(secret)) = twilio(serde_json::json!({})).unwrap() else { panic!("twilio") };
        assert_eq!(secret.auth_token.expose_secret(), "hunter2");
        let shown = serde_json::json!({ "provider": "twilio", "account_sid": "AC0123456789abcdef0123456789abcdef" });
        assert_eq!(serde_json::json!(settings), shown);
        let shown = serde_json::json!({ "provider": "meta", "phone_number_id": "55", "business_account_id": "66" });
        assert_eq!(serde_json::json!(meta(serde_json::json!({})).unwrap().0), shown);
        for (more, field) in [
            (serde_json::json!({ "account_sid": "AC01" }), "account_sid"),
            (serde_json::json!({ "messaging_service_sid": "SM1" }), "messaging_service_sid"),
            (serde_json::json!({ "auth_token": " " }), "auth_token"),
        ] {
            assert_eq!(twilio(more).unwrap_err().field, field);
        }
        for (more, field) in [
            (serde_json::json!({ "phone_number_id": "+34600111222" }), "phone_number_id"),
            (serde_json::json!({ "business_account_id": "" }), "business_account_id"),
            (serde_json::json!({ "app_secret": "a\nb" }), "app_secret"),
        ] {
            assert_eq!(meta(more).unwrap_err().field, field);
        }
    }

    #[test]
    fn nothing_secret_shows() {
        let typed: Typed = serde_json::from_value(serde_json::json!({
            "provider": "google", "service_account": { "private_key": "hunter2" },
        }))
        .unwrap();
        assert_eq!(format!("{typed:?}"), "Typed { provider: Google, .. }");
    }
}
