//! One request on the way to a picture, and the rules for redirects.

use super::error::{Failure, FetchError};
use herald_providers::outside::Guard;
use reqwest::{Response, header};
use url::Url;

/// One request on the way to the picture. Its address has passed the guard.
#[derive(Debug, Clone)]
pub(super) struct Hop {
    pub url: Url,
    /// The host, for messages. They never show the whole address, because its query may contain a secret.
    pub host: String,
}

impl Hop {
    /// Checks the address from the data.
    pub(super) fn first(guard: &Guard, url: &str) -> Result<Self, FetchError> {
        let url = Url::parse(url.trim()).map_err(|_| FetchError::new(String::new(), Failure::NotAnAddress))?;
        Self::check(guard, url).map_err(|(host, failure)| FetchError::new(host, failure))
    }

    /// Checks the address that a redirect leads to.
    pub(super) fn next(&self, guard: &Guard, response: &Response) -> Result<Self, Failure> {
        let status = response.status().as_u16();
        if !matches!(status, 301 | 302 | 303 | 307 | 308) {
            return Err(Failure::Status { status, retry_after: None });
        }
        let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let url = location.and_then(|location| self.url.join(location).ok());
        let next = Self::check(guard, url.ok_or(Failure::BadRedirect)?).map_err(|(host, failure)| match failure {
            Failure::Private => Failure::PrivateRedirect { to: host },
            Failure::Port { .. } | Failure::NotAnAddress | Failure::Credentials => Failure::BadRedirect,
            other => other,
        })?;
        if self.url.scheme() == "https" && next.url.scheme() == "http" {
            return Err(Failure::Downgrade);
        }
        Ok(next)
    }

    fn check(guard: &Guard, mut url: Url) -> Result<Self, (String, Failure)> {
        url.set_fragment(None);
        let host = url.host_str().unwrap_or_default().to_owned();
        match guard.check(&url) {
            Ok(()) => Ok(Self { url, host }),
            Err(refused) => Err((host, refused.into())),
        }
    }
}
