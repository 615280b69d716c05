//! The proof with which Herald asks Google for a token: a service account's signature, or the result of a person's
//! consent.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

use super::{
    DRIVE_SCOPE,
    account::NO_CONSENT,
    endpoints::Endpoints,
    signer::Signer,
    token_endpoint::{self, Granted, Refusal},
};
use crate::{
    Class, Http, ProviderError, Result,
    google::{GoogleAuth, GoogleSecret},
};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// The proof for a token request.
pub(super) enum Grant {
    /// A service account's signature.
    ServiceAccount { signer: Box<Signer>, subject: Option<String> },
    /// A person's consent.
    User { client_id: String, client_secret: SecretString, refresh_token: SecretString },
}

impl Grant {
    /// Creates the proof from an account and its secret.
    pub(super) fn new(auth: &GoogleAuth, secret: GoogleSecret) -> Result<Self> {
        match (auth, secret) {
            (
                GoogleAuth::ServiceAccount { client_email, private_key_id, subject },
                GoogleSecret::ServiceAccount { private_key },
            ) => {
                let signer = Signer::new(client_email, private_key_id, &private_key)?;
                Ok(Self::ServiceAccount { signer: Box::new(signer), subject: subject.clone() })
            }
            (GoogleAuth::User { client_id }, GoogleSecret::User { client_secret, refresh_token }) => {
                let refresh_token = refresh_token.ok_or_else(|| ProviderError::new(Class::Auth, NO_CONSENT))?;
                Ok(Self::User { client_id: client_id.clone(), client_secret, refresh_token })
            }
            _ => Err(ProviderError::new(
                Class::Config,
                "the secret of the connection does not fit its settings: connect again with `herald connect google …`",
            )),
        }
    }

    /// Requests a token.
    pub(super) async fn ask(&self, http: &Http, endpoints: &Endpoints, now: DateTime<Utc>) -> Result<Granted> {
        match self {
            Self::ServiceAccount { signer, subject } => {
                let assertion = signer.assertion(DRIVE_SCOPE, subject.as_deref(), endpoints.token_url.as_str(), now)?;
                let fields = [("grant_type", JWT_BEARER), ("assertion", assertion.expose_secret())];
                let explain = |refusal: &Refusal| account_refused(refusal, signer.client_email(), subject.as_deref());
                token_endpoint::ask(http, endpoints, &fields, explain).await
            }
            Self::User { client_id, client_secret, refresh_token } => {
                let fields = [
                    ("grant_type", "refresh_token"),
                    ("client_id", client_id),
                    ("client_secret", client_secret.expose_secret()),
                    ("refresh_token", refresh_token.expose_secret()),
                ];
                token_endpoint::ask(http, endpoints, &fields, |refusal| person_refused(refusal, client_id)).await
            }
        }
    }
}

/// Says why a service account gets no token. Google distinguishes the causes of `invalid_grant` only by their texts, so
/// the message for an unknown text names all causes.
fn account_refused(refusal: &Refusal, client_email: &str, subject: Option<&str>) -> Option<ProviderError> {
    let described = refusal.description.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| described.contains(word));
    let auth = |message| Some(ProviderError::new(Class::Auth, message));
    match refusal.code.as_str() {
        "invalid_grant" if says(&["timeframe", "iat and exp", "short-lived"]) => Some(ProviderError::new(
            Class::Config,
            "Google reports that this machine's clock is wrong: run an NTP service here, and on the database's \
             machine if that is another one",
        )),
        "invalid_grant" if says(&["signature", "key"]) => auth(format!(
            "the key of {client_email} was deleted or disabled at Google: make a new one in the Google Cloud console \
             and connect again with \
             `herald connect google …`"
        )),
        "invalid_grant" if says(&["email or user id", "account not found", "user"]) => auth(match subject {
            Some(subject) => format!(
                "Google has no active user {subject}, in whose name {client_email} acts: correct the subject, or \
                 restore the user"
            ),
            None => {
                format!("the service account {client_email} was deleted at Google: restore it, or connect with another")
            }
        }),
        "invalid_grant" => auth(format!(
            "Google issues no token for {client_email}: either its key was deleted, or this machine's clock is wrong{}",
            subject.map_or_else(String::new, |subject| format!(", or there is no user {subject}"))
        )),
        "unauthorized_client" | "access_denied" | "invalid_scope" => auth(match subject {
            Some(subject) => format!(
                "{client_email} may not act as {subject}: in the Google Admin console under Security, \
                 Access and data control, API controls, \
                 Manage domain-wide delegation, add the service account's client ID (client_id in its key file) with \
                 the scope {DRIVE_SCOPE}; \
                 it can take a day until Google knows"
            ),
            None => format!(
                "Google issues no token for {client_email} with the scope {DRIVE_SCOPE}: enable the Drive API in its \
                 Cloud project"
            ),
        }),
        "invalid_client" | "disabled_client" | "deleted_client" => auth(format!(
            "Google no longer knows the service account {client_email}: restore it, or connect with another"
        )),
        _ => None,
    }
}

/// Says why a person's consent gives no token.
fn person_refused(refusal: &Refusal, client_id: &str) -> Option<ProviderError> {
    let auth = |message: String| Some(ProviderError::new(Class::Auth, message));
    match refusal.code.as_str() {
        "invalid_grant" if refusal.description.contains("rapt") => auth(
            "the organisation's Google Cloud session control repeatedly ends this consent: ask its admin to trust \
             the app in the Google Admin console, then connect again with `herald connect google …`"
                .to_owned(),
        ),
        "invalid_grant" => auth(
            "Google no longer accepts the consent (withdrawn, expired, or 7 days after it while the consent screen is \
             in testing): connect \
             again with `herald connect google …`"
                .to_owned(),
        ),
        "unauthorized_client" => auth(format!(
            "the consent was given to an OAuth client other than {client_id}: connect again \
             with `herald connect google …`"
        )),
        "invalid_client" | "disabled_client" | "deleted_client" => auth(format!(
            "Google no longer knows the OAuth client {client_id} with this secret (deleted, or its secret changed): \
             download its file again and connect again with `herald connect google …`"
        )),
        "invalid_scope" | "access_denied" => auth(format!(
            "the consent does not cover Google Drive ({DRIVE_SCOPE}): connect again with `herald connect google …` \
             and leave the box for \
             Drive ticked"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: &str, description: &str) -> Refusal {
        Refusal { code: code.to_owned(), description: description.to_owned() }
    }

    /// The descriptions are the ones that Google sends.
    #[test]
    fn each_refusal_of_a_service_account_names_its_cause_and_fix() {
        let (email, subject) = ("herald@agency.iam.gserviceaccount.com", Some("ann@example.com"));
        for (code, description, subject, class, said) in [
            (
                "invalid_grant",
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. \
                 Check your iat and exp values in \
                 the JWT claim.",
                None,
                Class::Config,
                "clock is wrong",
            ),
            ("invalid_grant", "Invalid JWT Signature.", None, Class::Auth, "was deleted or disabled"),
            ("invalid_grant", "Invalid email or User ID", subject, Class::Auth, "no active user ann@example.com"),
            ("invalid_grant", "Invalid grant: account not found", None, Class::Auth, "account herald@agency"),
            ("invalid_grant", "", subject, Class::Auth, "or there is no user ann@example.com"),
            (
                "unauthorized_client",
                "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any \
                 of the scopes requested.",
                subject,
                Class::Auth,
                "Manage domain-wide delegation, add the service account's client ID (client_id in its key file) with \
                 the scope \
                 https://www.googleapis.com/auth/drive",
            ),
            ("invalid_client", "", None, Class::Auth, "no longer knows the service account"),
        ] {
            let error = account_refused(&refusal(code, description), email, subject).unwrap();
            assert_eq!(error.class, class, "{code} {description}");
            assert!(error.message.contains(said), "{error}");
        }
        assert!(account_refused(&refusal("something_new", ""), email, None).is_none());
    }

    #[test]
    fn each_refusal_of_a_persons_consent_names_its_cause_and_fix() {
        for (code, description, said) in [
            (
                "invalid_grant",
                "Token has been expired or revoked.",
                "7 days after it while the consent screen is in testing",
            ),
            ("invalid_grant", "reauth related error (invalid_rapt)", "session control"),
            ("unauthorized_client", "Unauthorized", "an OAuth client other than client-1"),
            ("invalid_client", "The OAuth client was not found.", "no longer knows the OAuth client client-1"),
            ("deleted_client", "The OAuth client was deleted.", "no longer knows the OAuth client client-1"),
        ] {
            let error = person_refused(&refusal(code, description), "client-1").unwrap();
            assert_eq!(error.class, Class::Auth);
            assert!(error.message.contains(said), "{error}");
            assert!(error.message.contains("herald connect google"), "{error}");
        }
    }

    #[test]
    fn a_connection_without_consent_or_with_another_kinds_secret_gives_no_grant() {
        let user = GoogleAuth::User { client_id: "client-1".into() };
        let none = GoogleSecret::User { client_secret: "s".into(), refresh_token: None };
        assert_eq!(Grant::new(&user, none).err().unwrap().class, Class::Auth);
        let other = GoogleSecret::ServiceAccount { private_key: "k".into() };
        assert_eq!(Grant::new(&user, other).err().unwrap().class, Class::Config);
    }
}
