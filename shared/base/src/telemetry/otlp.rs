//! Sends recorded spans to an OTLP receiver over HTTP, as protobuf, if the settings name one.
//!
//! Work never waits for the export. Spans go into a bounded queue and are sent in groups. If the receiver does not
//! accept them, they are lost; the loss is counted and logged.

mod message;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use prost::Message as _;
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio::sync::{mpsc, oneshot};

use super::{Telemetry, TelemetryError, catalog::EXPORTED_SPANS, span::Ended};
use crate::boxed;

/// The largest number of waiting spans; more are dropped.
const WAITING: usize = 8_192;
/// The number of spans in one request.
const GROUP: usize = 512;
/// How long a span waits for others, to form a group.
const GATHER: Duration = Duration::from_secs(1);
/// The time-out of the receiver.
const PATIENCE: Duration = Duration::from_secs(5);

static EXPORT: OnceLock<Export> = OnceLock::new();

struct Export {
    /// The share of the traces that begin here and are recorded, in units of 2⁻⁵⁶.
    threshold: u64,
    queue: mpsc::Sender<Item>,
}

enum Item {
    Span(Box<Ended>),
    /// The answer comes after everything before it was sent.
    Flush(oneshot::Sender<()>),
}

/// Starts the export, if the settings name a receiver. A second call does nothing.
///
/// # Errors
/// When the receiver's address is not an HTTP address.
pub fn start_export(settings: &Telemetry, role: &'static str) -> Result<(), TelemetryError> {
    if settings.otlp_endpoint.is_empty() || EXPORT.get().is_some() {
        return Ok(());
    }
    let endpoint = traces(&settings.otlp_endpoint)?;
    let client = client().map_err(|error| TelemetryError::Export(error.to_string()))?;
    let (queue, items) = mpsc::channel(WAITING);
    let threshold = (settings.sample_ratio.clamp(0.0, 1.0) * (1u64 << 56) as f64) as u64;
    if EXPORT.set(Export { threshold, queue }).is_ok() {
        tokio::spawn(Sender { client, endpoint, role, failing: false }.run(items));
    }
    Ok(())
}

/// Sends the waiting spans, for at most `limit`, at the end of a process.
#[boxed]
pub async fn flush(limit: Duration) {
    let Some(export) = EXPORT.get() else { return };
    let (done, sent) = oneshot::channel();
    let flush = async {
        if export.queue.send(Item::Flush(done)).await.is_ok() {
            let _ = sent.await;
        }
    };
    if tokio::time::timeout(limit, flush).await.is_err() {
        tracing::warn!("the last spans were not exported: the OTLP receiver does not answer");
    }
}

/// Whether a trace that begins here is recorded. Its id decides it, as in other systems, so that all systems agree.
pub(super) fn samples(trace: &[u8; 16]) -> bool {
    let Some(export) = EXPORT.get() else { return false };
    let low = u64::from_be_bytes(trace[8..].try_into().expect("eight bytes")) & ((1 << 56) - 1);
    low < export.threshold
}

pub(super) fn is_on() -> bool {
    EXPORT.get().is_some()
}

pub(super) fn send(ended: Ended) {
    if let Some(export) = EXPORT.get()
        && export.queue.try_send(Item::Span(Box::new(ended))).is_err()
    {
        EXPORTED_SPANS.add(["dropped"], 1);
    }
}

/// Returns the address for traces: the configured one if it has a path, else the standard path below it.
fn traces(endpoint: &str) -> Result<url::Url, TelemetryError> {
    let wrong =
        || TelemetryError::Export(format!("setting telemetry.otlp_endpoint is not an HTTP address: {endpoint:?}"));
    let mut url = url::Url::parse(endpoint).map_err(|_| wrong())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong());
    }
    if url.path() == "/" {
        url.set_path("/v1/traces");
    }
    Ok(url)
}

fn client() -> anyhow::Result<reqwest::Client> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    #[expect(clippy::disallowed_methods, reason = "the operator's collector; this stands below the providers")]
    let builder = reqwest::Client::builder();
    let client = builder
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("Herald/", env!("CARGO_PKG_VERSION")))
        .timeout(PATIENCE)
        .build()?;
    Ok(client)
}

struct Sender {
    client: reqwest::Client,
    endpoint: url::Url,
    role: &'static str,
    failing: bool,
}

impl Sender {
    async fn run(mut self, mut items: mpsc::Receiver<Item>) {
        let mut taken = Vec::with_capacity(GROUP);
        while items.recv_many(&mut taken, GROUP).await > 0 {
            if taken.len() < GROUP && !taken.iter().any(|item| matches!(item, Item::Flush(_))) {
                self.gather(&mut taken, &mut items).await;
            }
            let mut spans = Vec::with_capacity(taken.len());
            let mut asked = Vec::new();
            for item in taken.drain(..) {
                match item {
                    Item::Span(ended) => spans.push(*ended),
                    Item::Flush(done) => asked.push(done),
                }
            }
            self.send(spans).await;
            for done in asked {
                // The caller may have given up.
                let _ = done.send(());
            }
        }
    }

    /// Waits a moment for more spans, unless a caller waits for these.
    async fn gather(&self, taken: &mut Vec<Item>, items: &mut mpsc::Receiver<Item>) {
        let until = tokio::time::Instant::now() + GATHER;
        while taken.len() < GROUP {
            match tokio::time::timeout_at(until, items.recv()).await {
                Ok(Some(item)) => {
                    let flush = matches!(item, Item::Flush(_));
                    taken.push(item);
                    if flush {
                        return;
                    }
                }
                Ok(None) | Err(_) => return,
            }
        }
    }

    async fn send(&mut self, spans: Vec<Ended>) {
        if spans.is_empty() {
            return;
        }
        let count = spans.len() as u64;
        let body = message::request(self.role, spans).encode_to_vec();
        let request =
            self.client.post(self.endpoint.clone()).header("content-type", "application/x-protobuf").body(body);
        let failure = match request.send().await {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answered {}", answer.status())),
            // The address is omitted, because it can hold a key.
            Err(error) => Some(error.without_url().to_string()),
        };
        let failed = failure.is_some();
        EXPORTED_SPANS.add([if failed { "failed" } else { "exported" }], count);
        match failure {
            // The failure is logged once, not with every group.
            Some(error) if !self.failing => {
                tracing::warn!(error, "the OTLP receiver does not take spans: they are lost until it does");
            }
            None if self.failing => tracing::info!("the OTLP receiver takes spans again"),
            _ => {}
        }
        self.failing = failed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_gets_the_standards_path_unless_it_has_one() {
        for (given, means) in [
            ("http://collector:4318", "http://collector:4318/v1/traces"),
            ("https://collector:4318/", "https://collector:4318/v1/traces"),
            ("http://collector/otlp/v1/traces?key=1", "http://collector/otlp/v1/traces?key=1"),
        ] {
            assert_eq!(traces(given).unwrap().as_str(), means);
        }
        for wrong in ["collector:4318", "ftp://collector", "collector"] {
            assert!(traces(wrong).unwrap_err().to_string().contains("telemetry.otlp_endpoint"), "{wrong}");
        }
    }
}
