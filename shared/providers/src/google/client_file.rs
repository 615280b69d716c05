//! An OAuth client's file, as the Google Cloud console provides it.

use secrecy::SecretString;
use serde::Deserialize;

use crate::{Class, ProviderError, Result};

/// The OAuth client that asks a person for consent.
#[derive(Clone, Debug)]
pub struct ClientFile {
    /// The id of the client, which is public.
    pub client_id: String,
    /// The secret of the client.
    pub client_secret: SecretString,
    /// The addresses to which Google may redirect a person. A desktop client need not list loopback addresses.
    pub redirect_uris: Vec<String>,
}

#[derive(Deserialize)]
struct File {
    web: Option<Client>,
    installed: Option<Client>,
    r#type: Option<String>,
}

#[derive(Deserialize)]
struct Client {
    client_id: Option<String>,
    client_secret: Option<SecretString>,
    #[serde(default)]
    redirect_uris: Vec<String>,
}

impl ClientFile {
    /// Reads the file of a web application or of a desktop application.
    ///
    /// # Errors
    /// [`Class::Config`], with a description of the problem.
    pub fn parse(json: &str) -> Result<Self> {
        let file: File = serde_json::from_str(json).map_err(|_| {
            wrong(
                "this is not the file of an OAuth client: download the JSON in the Google Cloud console under APIs & \
                 Services, Credentials, OAuth client IDs",
            )
        })?;
        if file.r#type.as_deref() == Some("service_account") {
            return Err(wrong(
                "this is a service account's key file, not the file of an OAuth client: give it as the key",
            ));
        }
        let client = file.web.or(file.installed).ok_or_else(|| {
            wrong(
                "this is not the file of an OAuth client: it has neither \"web\" nor \"installed\". Download the \
                 file under APIs & Services, Credentials",
            )
        })?;
        let missing = |field| {
            wrong(format!(
                "the OAuth client's file has no {field:?}: create a client of the type web application or desktop \
                 app, and download its file again"
            ))
        };
        Ok(Self {
            client_id: client.client_id.ok_or_else(|| missing("client_id"))?,
            client_secret: client.client_secret.ok_or_else(|| missing("client_secret"))?,
            redirect_uris: client.redirect_uris,
        })
    }
}

fn wrong(message: impl Into<String>) -> ProviderError {
    ProviderError::new(Class::Config, message)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn both_kinds_of_client_are_read() {
        let web = r#"{"web":{"client_id":"1.apps.googleusercontent.com","client_secret":"s","redirect_uris":["https://herald.example.com/back"],"x":1}}"#;
        let web = ClientFile::parse(web).unwrap();
        assert_eq!((web.client_id.as_str(), web.client_secret.expose_secret()), ("1.apps.googleusercontent.com", "s"));
        assert_eq!(web.redirect_uris, ["https://herald.example.com/back"]);
        assert!(!format!("{web:?}").contains("\"s\""));
        let desktop = ClientFile::parse(r#"{"installed":{"client_id":"2","client_secret":"t"}}"#).unwrap();
        assert_eq!((desktop.client_id.as_str(), desktop.redirect_uris.len()), ("2", 0));
    }

    #[test]
    fn what_is_no_client_file_is_named() {
        for (json, said) in [
            ("x", "is not the file of an OAuth client"),
            ("{}", "neither \"web\" nor \"installed\""),
            (r#"{"type":"service_account","client_id":"1"}"#, "a service account's key file"),
            (r#"{"web":{"client_id":"1"}}"#, "no \"client_secret\""),
            (r#"{"web":{"client_secret":"1"}}"#, "no \"client_id\""),
        ] {
            let error = ClientFile::parse(json).unwrap_err();
            assert_eq!(error.class, Class::Config);
            assert!(error.message.contains(said), "{error}");
        }
    }
}
