//! A bucket server for tests, in the test's own process: as much of S3 as Herald uses, and every way in which it may
//! fail.
//!
//! It keeps S3's rules where breaking them would show only in production: requests are signed with a known key, parts
//! but the last have at least 5 MB, a list ends after a few keys and goes on by a token, an answer to HEAD has no body
//! that says why.

mod answer;
mod state;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{Router, extract::Request, http::HeaderMap, response::Response};
use herald_app::config::{self, Settings};
use herald_providers::{
    files::Account,
    outside::{Guard, Ports},
};
use tokio::{net::TcpListener, task::JoinHandle};

use self::state::State;

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum S3Call {
    /// Writes a whole file.
    Put,
    /// Reads one.
    Get,
    /// Looks at one.
    Head,
    /// Removes one.
    Delete,
    /// Copies one.
    Copy,
    /// Lists some.
    List,
    /// Begins a file in parts.
    Begin,
    /// Sends a part.
    Part,
    /// Makes the parts a file.
    Complete,
    /// Throws the parts away.
    Abort,
}

/// How a request fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum S3Fault {
    /// 503 `SlowDown`, and nothing is done.
    SlowDown,
    /// 500 `InternalError`, and nothing is done.
    Internal,
    /// 403 `AccessDenied`, and nothing is done.
    Denied,
    /// The connection ends before anything is done.
    CutBefore,
    /// It is done, and the connection ends before the answer.
    LostAnswer,
    /// The answer breaks off in the middle of its body.
    CutBody,
}

/// The server. It ends when it is dropped.
#[derive(Debug)]
pub struct FakeS3 {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    server: JoinHandle<()>,
}

impl FakeS3 {
    /// The bucket there is.
    pub const BUCKET: &str = "guests";
    /// The access key it knows.
    pub const ACCESS_KEY_ID: &str = "HERALDTESTKEY";

    /// A server with one empty bucket, on any free port.
    pub async fn start() -> Self {
        Self::start_at(0).await
    }

    /// The same on that port.
    ///
    /// # Panics
    /// When the port cannot be had.
    pub async fn start_at(port: u16) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        let address = listener.local_addr().expect("a bound listener has an address");
        let answering = state.clone();
        let router = Router::new().fallback(move |request: Request| {
            let state = answering.clone();
            async move { answer(&state, request).await }
        });
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self { address, state, server }
    }

    /// Where it is.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `[files]` for it, with a prefix. A call is tried again for two seconds.
    ///
    /// # Panics
    /// When the defaults cannot be read.
    pub fn settings(&self, prefix: &str) -> config::Files {
        let mut files = Settings::load(None).expect("the defaults can be read").files;
        files.url = format!("s3://{}/{prefix}", Self::BUCKET);
        files.endpoint = self.endpoint();
        files.access_key_id = Self::ACCESS_KEY_ID.to_owned();
        files.secret_key = "a secret of the test".to_owned();
        files.allow_http = true;
        files.retry_seconds = 2;
        files
    }

    /// The same as a workspace's own bucket, as a connection has it.
    ///
    /// # Panics
    /// When the defaults cannot be read.
    pub fn account(&self, prefix: &str) -> Account {
        let settings = self.settings(prefix);
        Account {
            bucket: Self::BUCKET.to_owned(),
            prefix: prefix.to_owned(),
            endpoint: settings.endpoint,
            region: settings.region,
            access_key_id: settings.access_key_id,
            secret_key: settings.secret_key.into(),
            path_style: settings.path_style,
            allow_http: settings.allow_http,
            timeout_seconds: settings.timeout_seconds,
            retry_seconds: settings.retry_seconds,
            guard: Guard::public(Ports::Usual).and_networks(&["127.0.0.1/32".parse().expect("it is a network")]),
            roots: Vec::new(),
        }
    }

    /// Lets the next `times` requests of a kind fail.
    pub fn fail(&self, call: S3Call, fault: S3Fault, times: usize) {
        self.state().faults.extend(std::iter::repeat_n((call, fault), times));
    }

    /// Refuses every request for its time from now on, or no longer.
    pub fn refuse_time(&self, refuse: bool) {
        self.state().refuse_time = refuse;
    }

    /// How many of the failures asked for have not happened yet.
    pub fn faults_left(&self) -> usize {
        self.state().faults.len()
    }

    /// The keys of all files, sorted.
    pub fn keys(&self) -> Vec<String> {
        self.state().files.keys().cloned().collect()
    }

    /// Takes a file away behind everybody's back.
    pub fn remove(&self, key: &str) {
        self.state().files.remove(key);
    }

    /// How many files in parts are neither complete nor thrown away.
    pub fn unfinished(&self) -> usize {
        self.state().uploads.len()
    }

    /// The headers of every request that came.
    pub fn headers(&self) -> Vec<HeaderMap> {
        self.state().headers.clone()
    }

    /// How many requests of a kind came.
    pub fn count(&self, call: S3Call) -> usize {
        self.state().calls.iter().filter(|came| **came == call).count()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for FakeS3 {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(state: &Mutex<State>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, 64 << 20).await else { answer::hang_up() };
    let asked = answer::Asked::read(&head, body);
    let (answered, fault) = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let call = asked.call;
        state.calls.push(call);
        state.headers.push(asked.headers.clone());
        let fault = state.next_fault(call);
        let refused = answer::refusal(&state, &head, &asked, fault);
        let answered =
            if fault == Some(S3Fault::CutBefore) { None } else { Some(refused.unwrap_or_else(|| state.act(&asked))) };
        (answered, fault)
    };
    match (answered, fault) {
        (None, _) | (_, Some(S3Fault::LostAnswer)) => answer::hang_up(),
        (Some(answered), fault) => answered.into_response(asked.call, fault == Some(S3Fault::CutBody)),
    }
}
