//! The one way in which providers are called.
//!
//! No proxy of the environment, no redirects (credentials would go along), no hidden retries (the ledger tries again),
//! TLS with the public roots compiled in and those that the settings add, a limit on connecting, on the whole call, and
//! on the size of the answer. Addresses of the settings are called as they are ([`Http::new`]); those that a
//! workspace's people enter are guarded ([`Http::guarded`]).

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
use herald_base::telemetry::Call;

/// The longest wait a provider can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// What every call is held to.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Until the connection stands, look-up and TLS included.
    pub connect_timeout: Duration,
    /// For everything, from the first byte sent to the last one read.
    pub total_timeout: Duration,
    /// The largest answer, in bytes.
    pub max_answer: usize,
    /// Certificates trusted beside the public ones, for servers with a certificate of the company's own.
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
            // A connection idle for longer may be dead without anybody having said so.
            .pool_idle_timeout(Duration::from_secs(20)))
    }
}

/// The client of all providers. Cheap to clone; connections are shared between clones.
#[derive(Clone, Debug)]
pub struct Http {
    to: To,
    max_answer: usize,
}

/// Where calls may go.
#[derive(Clone, Debug)]
enum To {
    /// Wherever the settings say.
    Settings(reqwest::Client),
    /// Where the guard lets them through.
    Guarded(GuardedHttp),
}

/// A provider's answer, whatever its status.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, whole.
    pub body: Bytes,
}

impl Http {
    /// A client for addresses that stand in the settings.
    ///
    /// # Errors
    /// When an extra root is no certificate.
    pub fn new(settings: &HttpSettings) -> anyhow::Result<Self> {
        Ok(Self { to: To::Settings(settings.builder()?.build()?), max_answer: settings.max_answer })
    }

    /// A client for addresses that a workspace's people enter.
    ///
    /// # Errors
    /// When an extra root is no certificate.
    pub fn guarded(settings: &HttpSettings, guard: Guard) -> anyhow::Result<Self> {
        let client = GuardedHttp::new(guard, || settings.builder())?;
        Ok(Self { to: To::Guarded(client), max_answer: settings.max_answer })
    }

    /// Requests begin here; they are sent by [`Http::call`] or [`Http::send`], which alone check where they go.
    pub fn client(&self) -> &reqwest::Client {
        match &self.to {
            To::Settings(client) => client,
            To::Guarded(client) => client.client(),
        }
    }

    /// Sends a request; the answer's body is not read. `who` is what people call the provider.
    ///
    /// # Errors
    /// [`Class::Down`] when there is no answer, [`Class::Config`] when the address may not be called.
    pub async fn send(&self, who: &str, request: RequestBuilder) -> Result<Response> {
        let broken = |error: &reqwest::Error| ProviderError::from_reqwest(who, error);
        let request = request.build().map_err(|error| broken(&error))?;
        match &self.to {
            To::Settings(client) => client.execute(request).await.map_err(|error| broken(&error)),
            To::Guarded(client) => client.execute(request).await.map_err(|error| match error {
                CallError::Failed(error) => broken(&error),
                CallError::Refused(refused) => {
                    ProviderError::new(Class::Config, format!("the address of {who} {refused}"))
                }
            }),
        }
    }

    /// Sends a request and reads the whole answer. `provider` is its name in metrics, `who` what people call it.
    ///
    /// `read` makes of the answer what the caller wants, or the error that it is: so the call is counted by what it
    /// meant.
    ///
    /// # Errors
    /// [`Class::Down`] when there is no whole answer; else what `read` says.
    pub async fn call<T>(
        &self,
        provider: &'static str,
        who: &str,
        request: RequestBuilder,
        read: impl FnOnce(Reply) -> Result<T>,
    ) -> Result<T> {
        self.finish(Call::begin(provider), who, request, read).await
    }

    /// As [`Http::call`], to a system of the agency's own: it is told which trace the call belongs to.
    ///
    /// # Errors
    /// As [`Http::call`].
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
        let broken = |error: reqwest::Error| ProviderError::from_reqwest(who, &error);
        let mut response = self.send(who, request).await?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
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
    /// The body as JSON. Something else, such as a login page, is an error of class [`Class::Config`] if the status
    /// promised success, else of [`Class::Transient`].
    ///
    /// # Errors
    /// When it is none, or not as `T` has it.
    pub fn json<T: DeserializeOwned>(&self, who: &str) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let class = if self.status.is_success() { Class::Config } else { Class::Transient };
            let message = format!(
                "{who} answered with status {}, but not as its API does ({}): check its address",
                self.status.as_u16(),
                // What was read stands in the error's text only for values; these come from the provider, not from a
                // guest.
                if error.is_data() { "unexpected JSON" } else { "not JSON" },
            );
            ProviderError::new(class, message)
        })
    }

    /// How long the provider asked us to wait: `Retry-After` in seconds or as a date counted from its own `Date`; at
    /// most a day.
    pub fn retry_after(&self) -> Option<Duration> {
        retry_after(&self.headers)
    }
}

/// `Retry-After` in seconds, or as a date counted from the server's own `Date` (RFC 9110, 10.2.3); at most a day.
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

/// What every HTTP client of Herald's begins with: nothing of the environment, nothing that the caller does not see.
///
/// # Errors
/// When an extra root is no certificate.
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

/// TLS with the public roots compiled in: the same on every machine, whatever its certificate store says.
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
