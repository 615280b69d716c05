//! The call of a probe. Its address comes from the settings, never from data.

use std::time::Duration;

use anyhow::Context;
use herald_providers::http::{self, retry_after};
use reqwest::{Client, StatusCode, Url};
use serde_json::Value;
use uuid::Uuid;

use super::error::{Failure, FetchError, from_reqwest};

const CONNECT: Duration = Duration::from_secs(5);
const TOTAL: Duration = Duration::from_secs(10);

/// The target of probe calls. It is cheap to clone.
#[derive(Clone)]
pub struct ProbeCall(Option<(Client, Url)>);

impl ProbeCall {
    /// Creates the target from `url`. An empty `url` means no calls.
    ///
    /// # Errors
    /// If `url` is not a valid address.
    pub fn new(url: &str) -> anyhow::Result<Self> {
        if url.is_empty() {
            return Ok(Self(None));
        }
        let url = Url::parse(url).context("the setting probe.url is not a web address")?;
        let client = http::builder(&[])?.connect_timeout(CONNECT).timeout(TOTAL).build()?;
        Ok(Self(Some((client, url))))
    }

    /// Sends `body` with `PUT` and the job's id. Status 409 means that an earlier call succeeded. Herald does not read
    /// the answer's body.
    ///
    /// # Errors
    /// [`FetchError`]; its [`is_transient`](FetchError::is_transient) says whether a retry can help.
    pub async fn call(&self, job: Uuid, body: &Value) -> Result<(), FetchError> {
        let Some((client, url)) = &self.0 else { return Ok(()) };
        let refused = |failure| FetchError::new(url.host_str().unwrap_or_default().to_owned(), failure);
        let request = client.put(url.clone()).header("idempotency-key", job.to_string()).json(body);
        let response = request.send().await.map_err(|error| refused(from_reqwest(&error, TOTAL)))?;
        match response.status() {
            StatusCode::CONFLICT => Ok(()),
            status if status.is_success() => Ok(()),
            status => {
                let retry_after = retry_after(response.headers());
                Err(refused(Failure::Status { status: status.as_u16(), retry_after }))
            }
        }
    }
}
