//! How Herald asks a CRM whether a password is right.

use reqwest::{RequestBuilder, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

/// A way to check a password. A new kind of CRM gets a variant here.
#[derive(Clone, Debug)]
pub enum Login {
    /// People do not sign in with the CRM's password.
    None,
    /// `POST` with `{"email", "password"}`. The CRM answers with the person, possibly under `user` or `data`.
    Json,
    /// OAuth 2's password grant (RFC 6749, 4.3). Herald then reads the person with the granted token.
    Oauth {
        /// The client id of Herald at the CRM; may be empty.
        client_id: String,
        /// The client secret of Herald at the CRM; may be empty.
        client_secret: SecretString,
        /// The address that returns the person.
        me: Url,
    },
}

impl Login {
    /// Builds the request that carries the password.
    pub(super) fn ask(&self, request: RequestBuilder, email: &str, password: &SecretString) -> RequestBuilder {
        let Self::Oauth { client_id, client_secret, .. } = self else {
            return request.json(&json!({ "email": email, "password": password.expose_secret() }));
        };
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "password")
            .append_pair("username", email)
            .append_pair("password", password.expose_secret());
        if !client_id.is_empty() {
            form.append_pair("client_id", client_id).append_pair("client_secret", client_secret.expose_secret());
        }
        request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.finish())
    }
}

/// Finds the person in an answer, which may hold the person under a key.
pub(super) fn person(answer: &Value) -> &Value {
    ["user", "data"].iter().filter_map(|name| answer.get(name)).find(|value| value.is_object()).unwrap_or(answer)
}
