//! Who hands jobs in: a client of the API that repeats what was not acknowledged.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

/// Before a request is repeated.
const PAUSE: Duration = Duration::from_millis(100);
/// How long one answer is waited for.
const ANSWER: Duration = Duration::from_secs(10);
/// How long an API may be away.
const PATIENCE: Duration = Duration::from_secs(120);
/// Where jobs are handed in.
const PROBES: &str = "/api/v1/probes";

/// Cheap to clone; clones count together.
#[derive(Clone)]
pub(super) struct Client {
    api: String,
    token: String,
    acknowledged: Arc<AtomicUsize>,
}

impl Client {
    pub(super) fn new(api: String, token: String) -> Self {
        Self { api, token, acknowledged: Arc::default() }
    }

    /// Jobs that the API has acknowledged.
    pub(super) fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// Hands a probe in until it is acknowledged.
    pub(super) fn probe(&self, name: &str, jobs: usize) -> Result<()> {
        self.insist(PROBES, &format!("{{\"name\":\"{name}\",\"jobs\":{jobs}}}"))?;
        self.acknowledged.fetch_add(jobs, Ordering::SeqCst);
        Ok(())
    }

    /// The same for one job of so many tries, which is not counted: it is to fail.
    pub(super) fn poison(&self, name: &str, tries: usize) -> Result<()> {
        self.insist(PROBES, &format!("{{\"name\":\"{name}\",\"jobs\":1,\"tries\":{tries}}}"))
    }

    /// Hands JSON in until it is accepted.
    pub(super) fn insist(&self, path: &str, body: &str) -> Result<()> {
        let began = Instant::now();
        loop {
            let status = self.post(path, body).unwrap_or_default();
            if status == 202 {
                return Ok(());
            }
            ensure!(!(400..500).contains(&status) || status == 429, "the API refused {body} with status {status}");
            ensure!(began.elapsed() < PATIENCE, "the API does not take {body}: the last status was {status}");
            std::thread::sleep(PAUSE);
        }
    }

    fn post(&self, path: &str, body: &str) -> Option<u16> {
        let mut stream = TcpStream::connect(&self.api).ok()?;
        stream.set_read_timeout(Some(ANSWER)).ok()?;
        let (api, token, length) = (&self.api, &self.token, body.len());
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nhost: {api}\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        String::from_utf8_lossy(&answer).split(' ').nth(1)?.parse().ok()
    }
}
