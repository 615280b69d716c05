//! A web server that misbehaves by a script, and a resolver that answers by a script.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::{ServerConfig, crypto::ring, pki_types::CertificateDer};
use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

/// A step of the server's answer to a request. After the last step, the server closes the connection.
#[derive(Clone)]
pub(super) enum Step {
    Send(Vec<u8>),
    /// Sends a byte from time to time, forever.
    Drip,
    /// Sends nothing, forever.
    Stall,
}

pub(super) fn send(text: &str) -> Vec<Step> {
    vec![Step::Send(text.as_bytes().to_vec())]
}

pub(super) fn ok(body: &str) -> Vec<Step> {
    send(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()))
}

pub(super) fn redirect(to: &str) -> Vec<Step> {
    send(&format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
}

/// A server on the loopback interface. It ends when the value is dropped.
pub(super) struct Server {
    pub port: u16,
    heads: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(super) async fn start(reply: impl Fn(&str) -> Vec<Step> + Send + Sync + 'static) -> Self {
        Self::serve(None, reply).await
    }

    /// Starts a server with a certificate for `name`, and also returns the certificate.
    pub(super) async fn start_tls(
        name: &str,
        reply: impl Fn(&str) -> Vec<Step> + Send + Sync + 'static,
    ) -> (Self, CertificateDer<'static>) {
        let issued = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let key = issued.signing_key.serialize_der().try_into().unwrap();
        let certificate = issued.cert.der().clone();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        (Self::serve(Some(TlsAcceptor::from(Arc::new(config))), reply).await, certificate)
    }

    async fn serve(tls: Option<TlsAcceptor>, reply: impl Fn(&str) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (seen, reply) = (heads.clone(), Arc::new(reply));
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, reply, tls) = (seen.clone(), reply.clone(), tls.clone());
                connections.spawn(async move {
                    match tls {
                        None => answer(stream, &seen, &*reply).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => answer(stream, &seen, &*reply).await,
                            Err(error) => Err(error),
                        },
                    }
                });
            }
        });
        Server { port, heads, task }
    }

    /// Ends the server and waits until its port is closed.
    pub(super) async fn stop(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    /// The headers of the requests that arrived, in lower case.
    pub(super) fn requests(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    seen: &Mutex<Vec<String>>,
    reply: &(dyn Fn(&str) -> Vec<Step> + Send + Sync),
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    seen.lock().unwrap().push(head.clone());
    for step in reply(&head) {
        match step {
            Step::Send(bytes) => stream.write_all(&bytes).await?,
            Step::Stall => std::future::pending().await,
            Step::Drip => loop {
                stream.write_all(b"x").await?;
                stream.flush().await?;
                tokio::time::sleep(Duration::from_millis(5)).await;
            },
        }
    }
    stream.flush().await?;
    stream.shutdown().await
}

/// A resolver that answers every name from a script; the last answer repeats.
pub(super) struct Script {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    asked: Mutex<Vec<String>>,
}

impl Script {
    pub(super) fn new(answers: &[&[&str]]) -> Arc<Self> {
        let answers = answers.iter().map(|answer| answer.iter().map(|ip| ip.parse().unwrap()).collect()).collect();
        Arc::new(Script { answers: Mutex::new(answers), asked: Mutex::default() })
    }

    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Resolve for Script {
    fn resolve(&self, name: Name) -> Resolving {
        self.asked.lock().unwrap().push(name.as_str().to_owned());
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        let answer: Vec<SocketAddr> = answer.unwrap_or_default().into_iter().map(|ip| (ip, 0).into()).collect();
        Box::pin(async move { Ok(Box::new(answer.into_iter()) as Addrs) })
    }
}
