//! The effect log: a provider that counts, outside of everything under test, what it was asked to do.

use std::{
    collections::{HashMap, HashSet},
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::Value;

/// How long a call takes, so that kills find jobs in progress.
const WORK: Duration = Duration::from_millis(80);

/// Every call, by what asked for it.
pub(super) struct Effects {
    pub(super) address: SocketAddr,
    /// The effect is made, and the connection cut before the answer.
    pub(super) cut: AtomicBool,
    /// Idempotency key → probe and number, and calls.
    calls: Mutex<HashMap<String, ((String, i64), usize)>>,
}

/// What was counted for the probes of a scenario.
pub(super) struct Seen {
    /// Jobs with an effect: distinct places in probes.
    pub(super) jobs: usize,
    /// Effects: distinct keys.
    pub(super) effects: usize,
    /// Calls.
    pub(super) calls: usize,
}

impl Effects {
    pub(super) fn serve() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let effects = Arc::new(Self { address, cut: AtomicBool::new(false), calls: Mutex::default() });
        let log = effects.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let log = log.clone();
                std::thread::spawn(move || log.answer(stream));
            }
        });
        effects
    }

    /// Requests of one connection until it ends.
    fn answer(&self, mut stream: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        loop {
            let (mut key, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).ok()? == 0 {
                    return None;
                }
                let line = line.trim_end().to_lowercase();
                if line.is_empty() {
                    break;
                }
                match line.split_once(": ") {
                    Some(("idempotency-key", value)) => value.clone_into(&mut key),
                    Some(("content-length", value)) => length = value.parse().ok()?,
                    _ => {}
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).ok()?;
            let body: Value = serde_json::from_slice(&body).ok()?;
            let job = (body["probe"].as_str()?.to_owned(), body["number"].as_i64()?);
            let first = {
                let mut calls = self.calls.lock().unwrap();
                let entry = calls.entry(key).or_insert((job, 0));
                entry.1 += 1;
                entry.1 == 1
            };
            std::thread::sleep(WORK);
            if self.cut.load(Ordering::SeqCst) {
                return None;
            }
            let status = if first { "200 OK" } else { "409 Conflict" };
            stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()).ok()?;
        }
    }

    pub(super) fn of(&self, scenario: &str) -> Seen {
        let calls = self.calls.lock().unwrap();
        let of: Vec<_> = calls.values().filter(|((probe, _), _)| probe.split('-').next() == Some(scenario)).collect();
        let jobs: HashSet<_> = of.iter().map(|(job, _)| job).collect();
        Seen { jobs: jobs.len(), effects: of.len(), calls: of.iter().map(|(_, calls)| calls).sum() }
    }
}
