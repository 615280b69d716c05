//! How a CRM is asked whether a password is right.

use reqwest::{RequestBuilder, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

/// A way to check a password. Another CRM's goes here.
#[derive(Clone, Debug)]
pub enum Login {
    /// Nobody signs in with the CRM's password.
    None,
    /// `POST` with `{"email", "password"}`, answered with the person, also under `user` or `data`.
    Json,
    /// OAuth 2's password grant (RFC 6749, 4.3), then the person with the token it gives.
    Oauth {
        /// Herald's own name there; may be empty.
        client_id: String,
        /// And its secret; may be empty.
        client_secret: SecretString,
        /// Where the person is read.
        me: Url,
    },
}

impl Login {
    /// The request that carries the password.
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

/// The person in an answer, which may hold it under a name.
pub(super) fn person(answer: &Value) -> &Value {
    ["user", "data"].iter().filter_map(|name| answer.get(name)).find(|value| value.is_object()).unwrap_or(answer)
}
