//! The effect log: a provider outside of everything under test that writes down what it was asked to do.

use std::{
    collections::{HashMap, HashSet},
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use serde_json::Value;
use uuid::Uuid;

/// The provider. It goes on until the process ends.
pub(super) struct Sink {
    pub(super) address: SocketAddr,
    /// While set, the effect is made and the connection cut before the answer.
    pub(super) lose_answers: AtomicBool,
    /// The probe whose jobs get no answer at all.
    silent: Mutex<Option<String>>,
    log: Mutex<Log>,
    delay: Duration,
}

/// What was asked for.
#[derive(Default)]
struct Log {
    /// The first call of an idempotency key is the effect.
    effects: HashMap<Uuid, (String, i64)>,
    /// Calls after the first, and after an answer that was lost: answered with 409.
    repeats: usize,
    /// Calls that got no answer on purpose.
    unanswered: usize,
}

impl Sink {
    /// Serves on a free port, each call taking so long.
    pub(super) fn serve(delay: Duration) -> Result<Arc<Self>> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let sink = Arc::new(Self {
            address: listener.local_addr()?,
            lose_answers: AtomicBool::new(false),
            silent: Mutex::default(),
            log: Mutex::default(),
            delay,
        });
        let served = sink.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let served = served.clone();
                std::thread::spawn(move || served.answer(stream));
            }
        });
        Ok(sink)
    }

    /// The requests of one connection, until it ends.
    fn answer(&self, mut stream: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        loop {
            let (key, body) = request(&mut reader)?;
            let (probe, number) = (body["probe"].as_str()?.to_owned(), body["number"].as_i64()?);
            if lock(&self.silent).as_ref() == Some(&probe) {
                lock(&self.log).unanswered += 1;
                // Held until the caller is gone.
                let _ = reader.read(&mut [0]);
                return None;
            }
            let first = {
                let mut log = lock(&self.log);
                let first = log.effects.insert(key, (probe, number)).is_none();
                log.repeats += usize::from(!first);
                first
            };
            std::thread::sleep(self.delay);
            if self.lose_answers.load(Ordering::SeqCst) {
                return None;
            }
            let status = if first { "201 Created" } else { "409 Conflict" };
            stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()).ok()?;
        }
    }

    /// Gives the jobs of a probe no answer from now on.
    pub(super) fn be_silent_to(&self, probe: &str) {
        *lock(&self.silent) = Some(probe.to_owned());
    }

    /// Calls that got no answer on purpose.
    pub(super) fn unanswered(&self) -> usize {
        lock(&self.log).unanswered
    }

    /// Whether a job of that probe had its effect.
    pub(super) fn saw(&self, probe: &str) -> bool {
        lock(&self.log).effects.values().any(|(name, _)| name == probe)
    }

    /// How many of these jobs had their effect.
    pub(super) fn had_effect(&self, jobs: &[Uuid]) -> usize {
        let log = lock(&self.log);
        jobs.iter().filter(|job| log.effects.contains_key(job)).count()
    }

    /// Calls of a key after its first.
    pub(super) fn repeats(&self) -> usize {
        lock(&self.log).repeats
    }

    /// Effects beyond the first of one place of one probe.
    pub(super) fn effects_twice(&self) -> usize {
        let log = lock(&self.log);
        let places: HashSet<_> = log.effects.values().collect();
        log.effects.len() - places.len()
    }
}

/// The idempotency key and body of the next request.
fn request(reader: &mut BufReader<TcpStream>) -> Option<(Uuid, Value)> {
    let (mut key, mut length) = (None, 0);
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
            Some(("idempotency-key", value)) => key = value.parse().ok(),
            Some(("content-length", value)) => length = value.parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((key?, serde_json::from_slice(&body).ok()?))
}

/// A thread that panicked while it counted has left the counts whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(sink: &Sink, key: Uuid, number: i64) -> String {
        let body = format!("{{\"probe\":\"p\",\"number\":{number},\"attempt\":1}}");
        let mut stream = TcpStream::connect(sink.address).unwrap();
        write!(stream, "PUT / HTTP/1.1\r\nIdempotency-Key: {key}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
            .unwrap();
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).unwrap();
        answer
    }

    #[test]
    fn a_repeated_key_is_one_effect_and_two_keys_for_one_place_are_an_effect_twice() {
        let sink = Sink::serve(Duration::ZERO).unwrap();
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert!(call(&sink, one, 7).contains("201"));
        assert!(call(&sink, one, 7).contains("409"));
        assert_eq!((sink.repeats(), sink.effects_twice(), sink.had_effect(&[one, other])), (1, 0, 1));
        assert!(call(&sink, other, 7).contains("201"));
        assert_eq!((sink.repeats(), sink.effects_twice()), (1, 1));
    }

    #[test]
    fn a_lost_answer_leaves_its_effect() {
        let sink = Sink::serve(Duration::ZERO).unwrap();
        sink.lose_answers.store(true, Ordering::SeqCst);
        assert_eq!(call(&sink, Uuid::from_u128(1), 7), "");
        sink.lose_answers.store(false, Ordering::SeqCst);
        assert!(call(&sink, Uuid::from_u128(1), 7).contains("409"));
        assert!(sink.saw("p"));
    }
}
