//! Requests tokens from Google (RFC 6749, 5).

use reqwest::{StatusCode, header::CONTENT_TYPE};
use secrecy::SecretString;
use serde::Deserialize;
use url::form_urlencoded;

use super::endpoints::Endpoints;
use crate::{Class, Http, ProviderError, Result, http::Reply};

const WHO: &str = "Google's sign-in";

/// Google's answer to a successful request.
#[derive(Deserialize)]
pub(super) struct Granted {
    pub(super) access_token: SecretString,
    /// The lifetime in seconds; an hour if Google names none.
    #[serde(default = "hour")]
    pub(super) expires_in: i64,
    pub(super) refresh_token: Option<SecretString>,
    /// The granted scopes, separated by spaces.
    pub(super) scope: Option<String>,
}

/// Why Google refused a token (RFC 6749, 5.2).
#[derive(Deserialize)]
pub(super) struct Refusal {
    #[serde(rename = "error")]
    pub(super) code: String,
    #[serde(default, rename = "error_description")]
    pub(super) description: String,
}

fn hour() -> i64 {
    3600
}

/// Sends a form. `explain` converts the refusals that it knows into errors.
pub(super) async fn ask(
    http: &Http,
    endpoints: &Endpoints,
    fields: &[(&str, &str)],
    explain: impl FnOnce(&Refusal) -> Option<ProviderError>,
) -> Result<Granted> {
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = http
        .client()
        .post(endpoints.token_url.clone())
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(form);
    http.call("google", WHO, request, |reply| read(&reply, explain)).await
}

fn read(reply: &Reply, explain: impl FnOnce(&Refusal) -> Option<ProviderError>) -> Result<Granted> {
    if reply.status.is_success() {
        return reply.json(WHO);
    }
    let status = reply.status.as_u16();
    let error = match reply.status {
        StatusCode::TOO_MANY_REQUESTS => ProviderError::new(Class::Rate, format!("{WHO} receives too many requests")),
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            ProviderError::new(Class::Down, format!("{WHO} is not available (status {status})"))
        }
        other if other.is_server_error() => {
            ProviderError::new(Class::Transient, format!("{WHO} failed (status {status})"))
        }
        _ => {
            let refusal: Refusal = reply.json(WHO)?;
            explain(&refusal).unwrap_or_else(|| unexplained(&refusal, status))
        }
    };
    Err(error.after(reply.retry_after()))
}

fn unexplained(refusal: &Refusal, status: u16) -> ProviderError {
    match refusal.code.as_str() {
        "internal_failure" | "temporarily_unavailable" => {
            ProviderError::new(Class::Transient, format!("{WHO} failed (status {status})"))
        }
        // A code is one from a list in Google's documentation, never a value of ours.
        code => ProviderError::new(
            Class::Config,
            format!(
                "{WHO} refuses Herald with {:?}: look this error up in Google's documentation of OAuth 2.0",
                code.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(60).collect::<String>()
            ),
        ),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use reqwest::header::HeaderMap;

    use super::*;

    /// Builds an answer of Google.
    pub(in crate::google) fn reply(status: u16, body: &str) -> Reply {
        Reply { status: StatusCode::from_u16(status).unwrap(), headers: HeaderMap::new(), body: body.to_owned().into() }
    }

    #[test]
    fn a_status_says_whether_asking_again_can_help() {
        let class = |status, body: &str| read(&reply(status, body), |_| None).err().unwrap().class;
        assert_eq!(class(429, ""), Class::Rate);
        assert_eq!(class(500, "oops"), Class::Transient);
        assert_eq!(class(503, "oops"), Class::Down);
        assert_eq!(class(400, r#"{"error":"internal_failure"}"#), Class::Transient);
        assert_eq!(class(400, r#"{"error":"admin_policy_enforced"}"#), Class::Config);
        assert_eq!(class(400, "<html>"), Class::Transient);
        assert_eq!(class(200, "<html>sign in"), Class::Config);
    }
}
