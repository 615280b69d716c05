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

use anyhow::{Context, Result, ensure};

/// Before a request is repeated.
const PAUSE: Duration = Duration::from_millis(100);
/// How long one answer is waited for.
const ANSWER: Duration = Duration::from_secs(10);
/// How long an API may be away.
const PATIENCE: Duration = Duration::from_secs(120);
/// Where jobs are handed in.
const PROBES: &str = "/api/v1/probes";
const JSON: &str = "application/json";

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

    /// One whose requests come from somebody else.
    pub(super) fn of(&self, token: String) -> Self {
        Self::new(self.api.clone(), token)
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
        self.insist_on(path, JSON, body).map(|_| ())
    }

    /// Hands something in until it is accepted, and returns the answer.
    pub(super) fn insist_on(&self, path: &str, content_type: &str, body: &str) -> Result<Vec<u8>> {
        self.repeat("POST", path, content_type, body)
    }

    /// Replaces what is at an address of the API, as JSON.
    pub(super) fn replace(&self, path: &str, body: &str) -> Result<()> {
        self.repeat("PUT", path, JSON, body).map(|_| ())
    }

    fn repeat(&self, method: &str, path: &str, content_type: &str, body: &str) -> Result<Vec<u8>> {
        let began = Instant::now();
        loop {
            let (status, answer) = self.ask(method, path, content_type, body).unwrap_or_default();
            if matches!(status, 200..=202) {
                return Ok(answer);
            }
            ensure!(!(400..500).contains(&status) || status == 429, "the API refused {path} with status {status}");
            ensure!(began.elapsed() < PATIENCE, "the API does not take {path}: the last status was {status}");
            std::thread::sleep(PAUSE);
        }
    }

    /// The body at an address of the API.
    pub(super) fn get(&self, path: &str) -> Result<Vec<u8>> {
        let (status, answer) = self.ask("GET", path, JSON, "").context("the API does not answer")?;
        ensure!(status == 200, "the API answered {path} with status {status}");
        Ok(answer)
    }

    /// One request, and the status and the body of its answer.
    fn ask(&self, method: &str, path: &str, content_type: &str, body: &str) -> Option<(u16, Vec<u8>)> {
        let mut stream = TcpStream::connect(&self.api).ok()?;
        stream.set_read_timeout(Some(ANSWER)).ok()?;
        let (api, token, length) = (&self.api, &self.token, body.len());
        // The older version of HTTP knows no chunks: the body is what comes until the end.
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nhost: {api}\r\nauthorization: Bearer {token}\r\n\
             content-type: {content_type}\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let head = answer.windows(4).position(|end| end == b"\r\n\r\n")?;
        let status = String::from_utf8_lossy(&answer[..head]).split(' ').nth(1)?.parse().ok()?;
        Some((status, answer.split_off(head + 4)))
    }
}
