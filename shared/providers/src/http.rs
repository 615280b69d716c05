//! The only way in which providers are called.
//!
//! A client uses no proxy from the environment. It follows no redirects, because they would receive the credentials. It
//! makes no hidden retries, because the ledger retries. It trusts the compiled-in public roots and the roots that the
//! settings add. It limits the time to connect, the time of the whole call, and the size of the answer. Addresses from
//! the settings are called as they are ([`Http::new`]). Addresses that the people of a workspace enter are guarded
//! ([`Http::guarded`]).

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use bytes::{Bytes, BytesMut};
use chrono::DateTime;
use reqwest::{
    RequestBuilder, Response, StatusCode,
    header::{DATE, HeaderMap, HeaderValue, RETRY_AFTER},
};
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::CertificateDer};
use serde::de::DeserializeOwned;

use super::{Class, ProviderError, Result};
use crate::outside::{CallError, Guard, GuardedHttp};
use herald_base::{boxed, telemetry::Call};

/// The longest wait a provider can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// The limits of every call.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// The time-out of connecting, including look-up and TLS.
    pub connect_timeout: Duration,
    /// The time-out of the whole call, from the first byte sent to the last one read.
    pub total_timeout: Duration,
    /// The largest answer, in bytes.
    pub max_answer: usize,
    /// Certificates that are trusted in addition to the public ones, for servers with a company's own certificate.
    pub extra_roots: Vec<CertificateDer<'static>>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(30),
            max_answer: 32 << 20,
            extra_roots: Vec::new(),
        }
    }
}

impl HttpSettings {
    fn builder(&self) -> anyhow::Result<reqwest::ClientBuilder> {
        Ok(builder(&self.extra_roots)?
            .connect_timeout(self.connect_timeout)
            .timeout(self.total_timeout)
            // A connection that is idle for longer may be dead without either end having closed it.
            .pool_idle_timeout(Duration::from_secs(20)))
    }
}

/// The client of all providers. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub struct Http {
    to: To,
    max_answer: usize,
}

/// The allowed targets of calls.
#[derive(Clone, Debug)]
enum To {
    /// Any address from the settings.
    Settings(reqwest::Client),
    /// Any address that the guard allows.
    Guarded(GuardedHttp),
}

/// A provider's answer, with any status.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The complete body.
    pub body: Bytes,
}

impl Http {
    /// Creates a client for addresses from the settings.
    ///
    /// # Errors
    /// When an extra root is not a certificate.
    pub fn new(settings: &HttpSettings) -> anyhow::Result<Self> {
        Ok(Self { to: To::Settings(settings.builder()?.build()?), max_answer: settings.max_answer })
    }

    /// Creates a client for addresses that the people of a workspace enter.
    ///
    /// # Errors
    /// When an extra root is not a certificate.
    pub fn guarded(settings: &HttpSettings, guard: Guard) -> anyhow::Result<Self> {
        let client = GuardedHttp::new(guard, || settings.builder())?;
        Ok(Self { to: To::Guarded(client), max_answer: settings.max_answer })
    }

    /// Returns the client that builds requests. Only [`Http::call`] and [`Http::send`] check a request's target, so
    /// they must send it.
    pub fn client(&self) -> &reqwest::Client {
        match &self.to {
            To::Settings(client) => client,
            To::Guarded(client) => client.client(),
        }
    }

    /// Sends a request, and does not read the body of the answer. `who` is the name by which people know the provider.
    ///
    /// # Errors
    /// [`Class::Down`] when there is no answer, [`Class::Config`] when the address may not be called.
    #[boxed]
    pub async fn send(&self, who: &str, request: RequestBuilder) -> Result<Response> {
        self.ask(request).await.map_err(|error| match error {
            CallError::Failed(error) => ProviderError::from_reqwest(who, &error),
            CallError::Refused(refused) => ProviderError::new(Class::Config, format!("the address of {who} {refused}")),
        })
    }

    async fn ask(&self, request: RequestBuilder) -> std::result::Result<Response, CallError> {
        let request = request.build().map_err(CallError::Failed)?;
        match &self.to {
            To::Settings(client) => client.execute(request).await.map_err(CallError::Failed),
            To::Guarded(client) => client.execute(request).await,
        }
    }

    /// Sends a request and reads the whole answer. `provider` is the provider's name in metrics, `who` the name by
    /// which people know it.
    ///
    /// `read` converts the answer into the caller's value or into an error, so that the metrics count the call by its
    /// meaning.
    ///
    /// # Errors
    /// [`Class::Down`] when the answer is not complete; else the error of `read`.
    pub async fn call<T>(
        &self,
        provider: &'static str,
        who: &str,
        request: RequestBuilder,
        read: impl FnOnce(Reply) -> Result<T>,
    ) -> Result<T> {
        self.finish(Call::begin(provider), who, request, read).await
    }

    /// Like [`Http::call`], for a request that must not be made twice, such as a message to a person.
    ///
    /// # Errors
    /// [`Class::Unknown`] when it may have been received, and the answer is missing; else like [`Http::call`].
    pub async fn call_once<T>(
        &self,
        provider: &'static str,
        who: &str,
        request: RequestBuilder,
        read: impl FnOnce(Reply) -> Result<T>,
    ) -> Result<T> {
        let call = Call::begin(provider);
        let lost = |error: &reqwest::Error| {
            let error = ProviderError::from_reqwest(who, error);
            let class = if error.class == Class::Down { Class::Unknown } else { error.class };
            ProviderError { class, ..error }
        };
        let answer = match self.ask(request).await {
            Ok(response) => self.read_whole(who, response, lost).await,
            // What was not connected was not sent.
            Err(CallError::Failed(error)) if error.is_connect() || error.is_builder() => {
                Err(ProviderError::from_reqwest(who, &error))
            }
            Err(CallError::Failed(error)) => Err(lost(&error)),
            Err(CallError::Refused(refused)) => {
                Err(ProviderError::new(Class::Config, format!("the address of {who} {refused}")))
            }
        };
        let result = answer.and_then(read);
        call.end_with(&result, ProviderError::answer);
        result
    }

    /// Like [`Http::call`], for a system of the agency: the request names the trace that it belongs to.
    ///
    /// # Errors
    /// Like [`Http::call`].
    pub async fn call_traced<T>(
        &self,
        provider: &'static str,
        who: &str,
        mut request: RequestBuilder,
        read: impl FnOnce(Reply) -> Result<T>,
    ) -> Result<T> {
        let call = Call::begin(provider);
        if let Some(traceparent) = call.traceparent() {
            request = request.header("traceparent", traceparent);
        }
        self.finish(call, who, request, read).await
    }

    async fn finish<T>(
        &self,
        call: Call,
        who: &str,
        request: RequestBuilder,
        read: impl FnOnce(Reply) -> Result<T>,
    ) -> Result<T> {
        let result = self.exchange(who, request).await.and_then(read);
        call.end_with(&result, ProviderError::answer);
        result
    }

    async fn exchange(&self, who: &str, request: RequestBuilder) -> Result<Reply> {
        let response = self.send(who, request).await?;
        self.read_whole(who, response, |error| ProviderError::from_reqwest(who, error)).await
    }

    async fn read_whole(
        &self,
        who: &str,
        mut response: Response,
        broken: impl Fn(&reqwest::Error) -> ProviderError,
    ) -> Result<Reply> {
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
            if body.len() + chunk.len() > self.max_answer {
                let message = format!("{who} sent more than {} MB: check its address", self.max_answer >> 20);
                return Err(ProviderError::new(Class::Config, message));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, headers, body: body.freeze() })
    }
}

impl Reply {
    /// Parses the body as JSON. Another body, such as a login page, is an error of class [`Class::Config`] if the
    /// status promised success, else of [`Class::Transient`].
    ///
    /// # Errors
    /// When the body is not JSON, or does not fit `T`.
    pub fn json<T: DeserializeOwned>(&self, who: &str) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let class = if self.status.is_success() { Class::Config } else { Class::Transient };
            let message = format!(
                "{who} answered with status {}, but not as its API does ({}): check its address",
                self.status.as_u16(),
                // The error's text quotes the input only for values; these come from the provider, not from a guest.
                if error.is_data() { "unexpected JSON" } else { "not JSON" },
            );
            ProviderError::new(class, message)
        })
    }

    /// The wait that the provider asked for: `Retry-After` in seconds or as a date relative to its own `Date`; at most
    /// a day.
    pub fn retry_after(&self) -> Option<Duration> {
        retry_after(&self.headers)
    }
}

/// Reads `Retry-After` in seconds, or as a date relative to the server's own `Date` (RFC 9110, 10.2.3); at most a day.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?;
    let seconds = match value.to_str().ok()?.trim().parse::<u64>() {
        Ok(seconds) => seconds,
        Err(_) => u64::try_from((http_date(value)? - http_date(headers.get(DATE)?)?).num_seconds()).ok()?,
    };
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

fn http_date(value: &HeaderValue) -> Option<DateTime<chrono::FixedOffset>> {
    DateTime::parse_from_rfc2822(value.to_str().ok()?.trim()).ok()
}

/// Creates the base of every HTTP client of Herald. It uses nothing from the environment, and does nothing that the
/// caller does not see.
///
/// # Errors
/// When an extra root is not a certificate.
pub fn builder(extra_roots: &[CertificateDer<'static>]) -> anyhow::Result<reqwest::ClientBuilder> {
    #[expect(clippy::disallowed_methods, reason = "this is where every client begins")]
    let builder = reqwest::Client::builder();
    Ok(builder
        .tls_backend_preconfigured(tls(extra_roots)?)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .user_agent(concat!("Herald/", env!("CARGO_PKG_VERSION"))))
}

/// TLS with the compiled-in public roots: the same on every machine, independent of its certificate store.
pub(super) fn tls(extra_roots: &[CertificateDer<'static>]) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for root in extra_roots {
        roots.add(root.clone()).context("an extra root is not a certificate")?;
    }
    Ok(ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .context("choosing TLS versions")?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
