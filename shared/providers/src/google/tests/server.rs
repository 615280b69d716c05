//! A web server that answers from a script.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};
use url::Url;

/// Answers each request with the next answer and repeats the last one. The server ends when the value is dropped.
pub(super) struct Server {
    pub(super) origin: Url,
    answers: Arc<Mutex<VecDeque<(u16, String)>>>,
    requests: Arc<watch::Sender<usize>>,
    open: Arc<watch::Sender<bool>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(super) async fn start(answers: &[(u16, &str)]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let origin = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let answers: VecDeque<_> = answers.iter().map(|(status, body)| (*status, (*body).to_owned())).collect();
        let answers = Arc::new(Mutex::new(answers));
        let (requests, open) = (Arc::new(watch::Sender::new(0)), Arc::new(watch::Sender::new(true)));
        let task = tokio::spawn({
            let (answers, requests, open) = (answers.clone(), requests.clone(), open.clone());
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(answer(stream, answers.clone(), requests.clone(), open.subscribe()));
                }
            }
        });
        Self { origin, answers, requests, open, task }
    }

    /// Holds answers back, or releases them.
    pub(super) fn open(&self, open: bool) {
        self.open.send_replace(open);
    }

    /// Sets the answer for all following requests.
    pub(super) fn answers(&self, status: u16, body: &str) {
        *self.answers.lock().unwrap() = VecDeque::from([(status, body.to_owned())]);
    }

    pub(super) fn requests(&self) -> usize {
        *self.requests.borrow()
    }

    /// Returns when this many requests have arrived.
    pub(super) async fn wait_for_requests(&self, count: usize) {
        self.requests.subscribe().wait_for(|come| *come >= count).await.unwrap();
    }
}

async fn answer(
    mut stream: TcpStream,
    answers: Arc<Mutex<VecDeque<(u16, String)>>>,
    requests: Arc<watch::Sender<usize>>,
    mut open: watch::Receiver<bool>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length =
        head.split_once("content-length: ").map_or(0, |(_, rest)| rest.lines().next().unwrap().parse().unwrap());
    stream.read_exact(&mut vec![0; length]).await.unwrap();
    requests.send_modify(|come| *come += 1);
    let _ = open.wait_for(|open| *open).await;
    let (status, body) = {
        let mut answers = answers.lock().unwrap();
        if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() }.unwrap()
    };
    let length = body.len();
    let text = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    let _ = stream.write_all(text.as_bytes()).await;
}
