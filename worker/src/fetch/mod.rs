//! Fetches files from addresses in data, and protects the addresses that data must not reach.
//!
//! Strangers write guest lists. So the picture addresses in them may point at Herald's own machine, at its network, or
//! at a cloud's metadata service. [`GuardedClient`] calls them through Herald's guard for such addresses
//! ([`herald_providers::outside`]). Each redirect is a new address and passes the same checks.
//!
//! Herald sends `traceparent` only to the hosts of the allow list, which belong to the agency. Other hosts could use it
//! to recognise the fetches of one campaign.

mod error;
mod hop;
mod probe;

#[cfg(test)]
mod tests;

pub use error::FetchError;
pub use probe::ProbeCall;

use bytes::{Bytes, BytesMut};
use error::{Failure, from_reqwest};
use herald_base::telemetry::Call;
use herald_providers::{
    http::{self, retry_after},
    outside::{CallError, Guard, GuardedHttp, Ports, SystemDns},
};
use hop::Hop;
use reqwest::{Method, Request, Response, StatusCode, dns::Resolve, header};
use rustls::pki_types::CertificateDer;
use std::{sync::Arc, time::Duration};

/// The limits of a [`GuardedClient`].
#[derive(Debug, Clone)]
pub struct FetchSettings {
    /// The limit until the connection is open, including DNS and TLS.
    pub connect_timeout: Duration,
    /// The limit for the whole fetch, from DNS to the last byte, including redirects.
    pub total_timeout: Duration,
    /// The largest body, in bytes.
    pub max_bytes: usize,
    /// The largest number of redirects.
    pub max_redirects: usize,
    /// The allowed ports.
    pub ports: Vec<u16>,
    /// Exceptions of the form `host:port`, such as an on-premises CRM. The guard checks neither port nor address of
    /// exactly these.
    pub allow: Vec<String>,
    /// Certificates that are trusted besides the public ones, for hosts with a certificate of the company itself.
    pub extra_roots: Vec<CertificateDer<'static>>,
}

impl Default for FetchSettings {
    fn default() -> Self {
        FetchSettings {
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(10),
            max_bytes: 10 << 20,
            max_redirects: 3,
            ports: vec![80, 443],
            allow: Vec::new(),
            extra_roots: Vec::new(),
        }
    }
}

/// An HTTP client for addresses from data. It is cheap to clone, and clones share their connections.
#[derive(Clone)]
pub struct GuardedClient {
    client: GuardedHttp,
    settings: Arc<FetchSettings>,
}

impl GuardedClient {
    /// Creates a client that uses the DNS resolver of the operating system.
    ///
    /// # Errors
    /// If an allow entry is not `host:port`, or an extra root is not a valid certificate.
    pub fn new(settings: FetchSettings) -> anyhow::Result<Self> {
        Self::with_resolver(settings, Arc::new(SystemDns))
    }

    /// Creates a client with another DNS resolver. The guard also checks its answers.
    ///
    /// # Errors
    /// The same as [`GuardedClient::new`].
    pub fn with_resolver(settings: FetchSettings, resolver: Arc<dyn Resolve>) -> anyhow::Result<Self> {
        let guard = Guard::public(Ports::Only(settings.ports.clone())).and_hosts(&settings.allow)?;
        Self::guarded(settings, guard, resolver)
    }

    fn guarded(settings: FetchSettings, guard: Guard, resolver: Arc<dyn Resolve>) -> anyhow::Result<Self> {
        let client = GuardedHttp::with_resolver(guard, resolver, || {
            let builder = http::builder(&settings.extra_roots)?;
            Ok(builder.connect_timeout(settings.connect_timeout).pool_max_idle_per_host(4))
        })?;
        Ok(GuardedClient { client, settings: Arc::new(settings) })
    }

    /// Fetches the body at `url`: at most [`FetchSettings::max_bytes`], within [`FetchSettings::total_timeout`].
    ///
    /// # Errors
    /// [`FetchError`]; its [`is_transient`](FetchError::is_transient) says whether a retry can help.
    pub async fn fetch(&self, url: &str) -> Result<Bytes, FetchError> {
        let after = self.settings.total_timeout;
        let hop = Hop::first(self.client.guard(), url)?;
        // Messages name the host that the administrator knows, even after a redirect to another host.
        let host = hop.host.clone();
        let call = Call::begin("pictures");
        let result = tokio::time::timeout(after, self.follow(hop, &call)).await;
        let result =
            result.unwrap_or(Err(Failure::TimedOut { after })).map_err(|failure| FetchError::new(host, failure));
        call.end_with(&result, FetchError::answer);
        result
    }

    async fn follow(&self, first: Hop, call: &Call) -> Result<Bytes, Failure> {
        let mut response = self.get(&first, call).await?;
        let mut hop = first;
        for _ in 0..self.settings.max_redirects {
            if !response.status().is_redirection() {
                return self.body(response).await;
            }
            hop = hop.next(self.client.guard(), &response)?;
            response = self.get(&hop, call).await.map_err(|failure| match failure {
                Failure::Private => Failure::PrivateRedirect { to: hop.host.clone() },
                other => other,
            })?;
        }
        match response.status().is_redirection() {
            true => Err(Failure::TooManyRedirects { limit: self.settings.max_redirects }),
            false => self.body(response).await,
        }
    }

    async fn get(&self, hop: &Hop, call: &Call) -> Result<Response, Failure> {
        let mut request = Request::new(Method::GET, hop.url.clone());
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, header::HeaderValue::from_static("*/*"));
        headers.insert(header::ACCEPT_ENCODING, header::HeaderValue::from_static("identity"));
        let traceparent = call.traceparent().filter(|_| self.client.guard().names_host(&hop.url));
        if let Some(traceparent) = traceparent.and_then(|traceparent| traceparent.parse().ok()) {
            headers.insert("traceparent", traceparent);
        }
        self.client.execute(request).await.map_err(|error| match error {
            CallError::Refused(refused) => refused.into(),
            CallError::Failed(error) => from_reqwest(&error, self.settings.connect_timeout),
        })
    }

    async fn body(&self, mut response: Response) -> Result<Bytes, Failure> {
        let status = response.status();
        if status != StatusCode::OK {
            return Err(Failure::Status { status: status.as_u16(), retry_after: retry_after(response.headers()) });
        }
        let encoded = response.headers().get(header::CONTENT_ENCODING).is_some_and(|value| value != "identity");
        if encoded {
            return Err(Failure::Compressed);
        }
        let limit = self.settings.max_bytes;
        let announced = response.content_length().unwrap_or(0);
        if announced > limit as u64 {
            return Err(Failure::TooLarge { limit });
        }
        let mut body = BytesMut::with_capacity(announced as usize);
        let timeout = self.settings.connect_timeout;
        while let Some(chunk) = response.chunk().await.map_err(|error| from_reqwest(&error, timeout))? {
            if body.len() + chunk.len() > limit {
                return Err(Failure::TooLarge { limit });
            }
            body.extend_from_slice(&chunk);
        }
        if body.is_empty() { Err(Failure::Empty) } else { Ok(body.freeze()) }
    }
}
