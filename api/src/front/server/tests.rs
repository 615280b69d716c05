//! Tests the server with a small router, over real sockets, with limits of fractions of a second.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Mutex,
    time::Instant,
};

use axum::{
    body::{Body, Bytes},
    extract::ConnectInfo,
    http::StatusCode,
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures::{StreamExt, future::join_all, stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket},
    task::JoinHandle,
};

use super::{bounds::Times, *};

const SHORT: Duration = Duration::from_millis(150);
const LONG: Duration = Duration::from_secs(60);
const PATIENT: Times = Times { head: LONG, idle: LONG, stall: LONG };
const HELLO: &str = "GET / HTTP/1.1\r\nhost: herald.example.com\r\n\r\n";

fn router() -> Router {
    Router::new()
        .route("/", get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| format!("hello {}", peer.ip())))
        .route("/healthz", get(async || "ok"))
        .route("/never", get(std::future::pending::<()>))
        .route(
            "/much",
            get(async || Body::from_stream(stream::repeat_with(|| Ok::<_, io::Error>(Bytes::from(vec![7; 1 << 16]))))),
        )
        .route("/take", post(take))
        .layer(middleware::from_fn(named))
}

async fn take(body: Body) -> Response {
    let mut body = body.into_data_stream();
    while let Some(bytes) = body.next().await {
        if let Err(error) = bytes {
            return (StatusCode::REQUEST_TIMEOUT, error.to_string()).into_response();
        }
    }
    "taken".into_response()
}

struct Served {
    address: SocketAddr,
    stop: CancellationToken,
    server: JoinHandle<io::Result<()>>,
}

async fn start(bounds: Bounds) -> Served {
    // The backlog is larger than that of the standard library, since thousands of clients connect at once.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    start_on(socket.listen(4_096).unwrap(), bounds)
}

fn start_on(listener: TcpListener, bounds: Bounds) -> Served {
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let server = tokio::spawn(serve(listener, router(), bounds, stop.clone(), LONG));
    Served { address, stop, server }
}

impl Served {
    /// Connects from a separate address, such as 127.0.0.2.
    async fn connect(&self, from: u8) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(IpAddr::from([127, 0, 0, from]), 0)).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    async fn send(&self, from: u8, text: &str) -> TcpStream {
        let mut stream = self.connect(from).await;
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    async fn ask(&self, from: u8, text: &str) -> String {
        rest(&mut self.send(from, text).await).await
    }
}

/// Reads until the connection ends.
async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A connection that is cut during a transfer ends with an error.
    let _ = tokio::time::timeout(LONG, stream.read_to_end(&mut answer)).await.expect("the connection ends");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Reads the next answer of a connection that stays open. `end` is the end of the answer's body.
async fn next(stream: &mut TcpStream, end: &str) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(end.as_bytes()) {
        let read = tokio::time::timeout(LONG, stream.read_u8()).await.expect("an answer comes");
        answer.push(read.expect("the connection stays open"));
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn half_a_request_is_cut_after_the_limit_however_it_drips() {
    let served = start(Bounds::for_tests(10, 10, Times { head: SHORT, ..PATIENT })).await;
    let began = Instant::now();
    let mut half = served.send(1, "GET / HTTP/1.1\r\nhost: a").await;
    let mut nothing = served.connect(1).await;
    let (mut reader, mut writer) = served.send(1, "GET / HTTP/1.1\r\n").await.into_split();
    let drips = tokio::spawn(async move { while writer.write_all(b"x: y\r\n").await.is_ok() {} });
    assert_eq!(rest(&mut half).await, "");
    assert_eq!(rest(&mut nothing).await, "");
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(LONG, reader.read_to_end(&mut answer)).await.expect("the dripping one ends");
    drips.await.unwrap();
    assert!(began.elapsed() >= SHORT, "{:?}", began.elapsed());
    assert!(began.elapsed() < LONG / 4);
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_one_that_is_answered_is_not() {
    let served = start(Bounds::for_tests(10, 10, Times { idle: SHORT, head: SHORT, ..PATIENT })).await;
    let mut busy = served.send(1, "GET /never HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let began = Instant::now();
    let answers = served.ask(1, HELLO).await;
    assert!(answers.ends_with("hello 127.0.0.1"), "{answers}");
    assert!(began.elapsed() >= SHORT && began.elapsed() < LONG / 4, "{:?}", began.elapsed());
    let still = tokio::time::timeout(SHORT * 3, busy.read_u8()).await;
    assert!(still.is_err(), "its request is being answered: {still:?}");
}

#[tokio::test]
async fn requests_on_a_kept_connection_are_answered_in_order() {
    let served = start(Bounds::for_tests(10, 10, PATIENT)).await;
    let mut stream = served.send(1, &HELLO.repeat(3)).await;
    for _ in 0..3 {
        assert!(next(&mut stream, "hello 127.0.0.1").await.starts_with("HTTP/1.1 200"));
    }
    stream.write_all(HELLO.as_bytes()).await.unwrap();
    assert!(next(&mut stream, "hello 127.0.0.1").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn others_are_served_while_two_thousand_half_requests_hang() {
    herald_app::open_files::raise();
    let served = start(Bounds::for_tests(4_096, 256, PATIENT)).await;
    let half = async |_| {
        let mut stream = served.send(1, "GET / HT").await;
        // Connections over the cap get their refusal at once.
        let told = tokio::time::timeout(Duration::from_millis(1), stream.read(&mut [0; 8])).await;
        (stream, told.is_err())
    };
    let hanging = join_all((0..2_000).map(half)).await;
    let began = Instant::now();
    let close = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    assert!(served.ask(2, close).await.ends_with("hello 127.0.0.2"));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(hanging.len(), 2_000);
    let refused = served.ask(1, close).await;
    assert!(!refused.contains("200 OK"), "the address has its fill: {refused}");
}

#[tokio::test]
async fn over_the_cap_only_probes_are_answered_until_a_place_is_free() {
    let served = start(Bounds::for_tests(3, 2, PATIENT)).await;
    let mut held = Vec::new();
    for from in [1, 1, 2] {
        let mut stream = served.send(from, HELLO).await;
        next(&mut stream, &format!("hello 127.0.0.{from}")).await;
        held.push(stream);
    }
    for from in [1, 2, 3] {
        let answer = served.ask(from, HELLO).await;
        assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: 5"), "{answer}");
        let probe = served.ask(from, "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert!(probe.starts_with("HTTP/1.1 200") && probe.contains("connection: close"), "{probe}");
    }
    // Two connections of one address wait in the reserve. The third is refused at once, without being read.
    let (_one, _two) = (served.connect(3).await, served.connect(3).await);
    let refused = rest(&mut served.connect(3).await).await;
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("connection: close"), "{refused}");
    held.remove(0);
    let close = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    // The server notices the end of a connection a moment later.
    while !served.ask(4, close).await.ends_with("hello 127.0.0.4") {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn large_or_many_headers_are_refused() {
    let served = start(Bounds::for_tests(10, 10, PATIENT)).await;
    let large = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "y".repeat(70_000));
    let answer = served.ask(1, &large).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let many = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(101));
    let answer = served.ask(1, &many).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let enough = format!("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{}\r\n", "x: y\r\n".repeat(90));
    assert!(served.ask(1, &enough).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_request_names_one_host() {
    let served = start(Bounds::for_tests(10, 10, PATIENT)).await;
    for hosts in ["", "host: a\r\nhost: a\r\n", "host: a/b\r\n"] {
        let answer = served.ask(1, &format!("GET / HTTP/1.1\r\nconnection: close\r\n{hosts}\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("Host header"), "{hosts:?}: {answer}");
    }
}

#[tokio::test]
async fn a_body_that_stands_still_ends_its_request() {
    let served = start(Bounds::for_tests(10, 10, Times { stall: SHORT, ..PATIENT })).await;
    let head = "POST /take HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\nthe beginning";
    let answer = served.ask(1, head).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("too slowly"), "{answer}");
    // Herald accepts a body that keeps coming, although the whole body takes longer than the limit.
    let mut stream = served.send(1, "POST /take HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n").await;
    for _ in 0..10 {
        stream.write_all(&[7; 10_000]).await.unwrap();
        tokio::time::sleep(SHORT / 5).await;
    }
    assert!(next(&mut stream, "taken").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_cut() {
    let served = start(Bounds::for_tests(10, 10, Times { stall: SHORT, ..PATIENT })).await;
    let mut stream = served.send(1, "GET /much HTTP/1.1\r\nhost: a\r\n\r\n").await;
    // The client reads nothing until the server gives up, which the end of its only connection shows.
    let began = Instant::now();
    served.stop.cancel();
    served.server.await.unwrap().unwrap();
    assert!(began.elapsed() < LONG / 4, "{:?}", began.elapsed());
    let mut some = vec![0; 1 << 20];
    while stream.read(&mut some).await.is_ok_and(|read| read > 0) {}
}

#[tokio::test]
async fn a_stop_finishes_what_is_asked_and_closes_what_is_idle() {
    let served = start(Bounds::for_tests(10, 10, PATIENT)).await;
    let mut idle = served.send(1, HELLO).await;
    next(&mut idle, "hello 127.0.0.1").await;
    let mut asking = served.send(1, "POST /take HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\na").await;
    let mut other = served.send(1, HELLO).await;
    next(&mut other, "hello 127.0.0.1").await;
    served.stop.cancel();
    assert_eq!(rest(&mut idle).await, "");
    asking.write_all(b"bc").await.unwrap();
    assert!(rest(&mut asking).await.ends_with("taken"));
    served.server.await.unwrap().unwrap();
}

/// A listener whose first attempts fail with errors of the kernel.
struct Failing {
    inner: TcpListener,
    errors: Mutex<Vec<i32>>,
}

impl Listen for Failing {
    async fn next(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let error = self.errors.lock().unwrap().pop();
        match error {
            Some(code) => Err(io::Error::from_raw_os_error(code)),
            None => self.inner.accept().await,
        }
    }
}

#[tokio::test]
async fn a_process_without_file_descriptors_goes_on_when_there_are_some_again() {
    let (emfile, enfile, enomem, econnaborted) = (24, 23, 12, 103);
    let inner = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = inner.local_addr().unwrap();
    let errors = Mutex::new(vec![econnaborted, enomem, enfile, emfile, emfile, emfile]);
    let listener = Failing { inner, errors };
    let stop = CancellationToken::new();
    let server = tokio::spawn(serve(listener, router(), Bounds::for_tests(10, 10, PATIENT), stop.clone(), LONG));
    let served = Served { address, stop, server };
    let began = Instant::now();
    let close = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    assert!(served.ask(1, close).await.ends_with("hello 127.0.0.1"));
    assert!(
        began.elapsed() >= Duration::from_millis(10 + 20 + 40 + 80 + 160),
        "it waits between: {:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_listener_that_is_none_any_more_ends_the_service() {
    const EBADF: i32 = 9;
    let inner = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listener = Failing { inner, errors: Mutex::new(vec![EBADF]) };
    let bounds = Bounds::for_tests(10, 10, PATIENT);
    let ended = serve(listener, router(), bounds, CancellationToken::new(), LONG).await;
    assert_eq!(ended.unwrap_err().raw_os_error(), Some(EBADF));
}
