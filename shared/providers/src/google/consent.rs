//! A person's consent, which they give in their browser (RFC 6749 with PKCE, RFC 7636).
//!
//! <https://developers.google.com/identity/protocols/oauth2/web-server>

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest, Sha256};
use url::Url;

use super::{
    DRIVE_SCOPE,
    endpoints::Endpoints,
    token_endpoint::{self, Refusal},
};
use crate::{Class, Http, ProviderError, Result};
use herald_base::{boxed, ids::Ids};

/// A consent that was requested and is not given yet. It is serialisable, so that it can be sealed until the person
/// comes back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Consent {
    /// The person brings this value back. A person with another value was not sent by us.
    pub state: String,
    /// Proves that the code is exchanged by the same party that asked for it.
    #[serde(serialize_with = "expose")]
    pub verifier: SecretString,
}

impl Consent {
    /// Creates a new request for consent.
    pub fn begin(ids: &Ids) -> Self {
        Self {
            state: URL_SAFE_NO_PAD.encode(ids.bytes::<24>()),
            verifier: URL_SAFE_NO_PAD.encode(ids.bytes::<32>()).into(),
        }
    }

    /// The address to which the person's browser goes. `scopes` are separated by spaces.
    pub fn authorize_url(&self, endpoints: &Endpoints, client_id: &str, redirect_uri: &str, scopes: &str) -> Url {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.expose_secret()));
        let mut url = endpoints.auth_url.clone();
        url.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", client_id),
            ("redirect_uri", redirect_uri),
            ("scope", scopes),
            ("state", &self.state),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            // Together these make Google send a refresh token, even to a person who consented before.
            ("access_type", "offline"),
            ("prompt", "consent"),
            ("include_granted_scopes", "true"),
        ]);
        url
    }

    /// Exchanges the code that the person brought back for a refresh token.
    ///
    /// # Errors
    /// The action that the person, or the owner of the OAuth client, has to take.
    #[boxed]
    pub async fn exchange(
        &self,
        http: &Http,
        endpoints: &Endpoints,
        client_id: &str,
        client_secret: &SecretString,
        redirect_uri: &str,
        code: &SecretString,
    ) -> Result<SecretString> {
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", client_id),
            ("client_secret", client_secret.expose_secret()),
            ("redirect_uri", redirect_uri),
            ("code", code.expose_secret()),
            ("code_verifier", self.verifier.expose_secret()),
        ];
        let granted =
            token_endpoint::ask(http, endpoints, &fields, |refusal| refused(refusal, client_id, redirect_uri)).await?;
        // Without a list of scopes, the granted scopes are the requested ones (RFC 6749, 5.1).
        if granted.scope.is_some_and(|scopes| !scopes.split(' ').any(|scope| scope == DRIVE_SCOPE)) {
            return Err(ProviderError::new(
                Class::Auth,
                "consent was given, but not to Google Drive: connect again with `herald connect google …` \
                 and leave the box for Drive ticked",
            ));
        }
        granted.refresh_token.ok_or_else(|| {
            ProviderError::new(
                Class::Auth,
                "Google sent no refresh token: remove Herald at https://myaccount.google.com/connections, \
                 then connect again with `herald \
                 connect google …`",
            )
        })
    }
}

fn refused(refusal: &Refusal, client_id: &str, redirect_uri: &str) -> Option<ProviderError> {
    let (class, message) = match refusal.code.as_str() {
        "invalid_grant" => (
            Class::Auth,
            "the code from Google was already used or has expired: connect again with `herald connect google …`"
                .to_owned(),
        ),
        "redirect_uri_mismatch" => (
            Class::Config,
            format!(
                "the OAuth client does not list {redirect_uri} among its authorised redirect URIs: \
                 add it in the Google Cloud console under \
                 APIs & Services, Credentials"
            ),
        ),
        "invalid_client" | "unauthorized_client" | "disabled_client" | "deleted_client" => (
            Class::Auth,
            format!(
                "Google does not know the OAuth client {client_id} with this secret: download its file again from \
                 the Google Cloud console"
            ),
        ),
        _ => return None,
    };
    Some(ProviderError::new(class, message))
}

fn expose<S: Serializer>(secret: &SecretString, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn the_url_asks_for_a_lasting_consent_and_shows_only_the_verifiers_hash() {
        // The example of RFC 7636, appendix B.
        let consent =
            Consent { state: "s".into(), verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned().into() };
        let url = consent.authorize_url(&Endpoints::default(), "client-1", "http://127.0.0.1:8080/back", DRIVE_SCOPE);
        let query: HashMap<_, _> = url.query_pairs().into_owned().collect();
        assert!(url.as_str().starts_with("https://accounts.google.com/o/oauth2/v2/auth?"));
        for (key, value) in [
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
            ("access_type", "offline"),
            ("prompt", "consent"),
            ("include_granted_scopes", "true"),
            ("redirect_uri", "http://127.0.0.1:8080/back"),
            ("scope", "https://www.googleapis.com/auth/drive"),
            ("state", "s"),
            ("response_type", "code"),
        ] {
            assert_eq!(query[key], value, "{key}");
        }
        assert!(!url.as_str().contains("dBjftJe"));
    }

    #[test]
    fn every_consent_differs_can_be_sealed_and_does_not_show() {
        let ids = Ids::seeded(1);
        let (one, other) = (Consent::begin(&ids), Consent::begin(&ids));
        assert_ne!(one.state, other.state);
        assert_ne!(one.verifier.expose_secret(), other.verifier.expose_secret());
        // RFC 7636, 4.1: 43 to 128 characters.
        assert_eq!(one.verifier.expose_secret().len(), 43);
        let back: Consent = serde_json::from_value(serde_json::to_value(&one).unwrap()).unwrap();
        assert_eq!(back.verifier.expose_secret(), one.verifier.expose_secret());
        assert!(!format!("{one:?}").contains(one.verifier.expose_secret()));
    }
}
