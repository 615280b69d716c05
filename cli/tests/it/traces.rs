//! One trace, from a request over its jobs and log lines to the call a job makes, and to an OTLP receiver that reads it
//! with the official messages.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use herald_base::{clock::Clock, ids::Ids};
use herald_db::{Db, DbConfig, query};
use opentelemetry_proto::tonic::{collector::trace::v1::ExportTraceServiceRequest, trace::v1::Span};
use prost::Message;
use serde_json::Value;

use crate::{
    http::{ask_in, form},
    stage::{Stage, end, signal},
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// Head and body.
type Asked = (String, Vec<u8>);

/// A server that keeps what it is asked.
struct Server {
    address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    fn answering(media_type: &'static str, body: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let keep = asked.clone();
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request = read(&mut stream);
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                keep.lock().unwrap().push(request);
                // Whoever asked may be gone.
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn read(stream: &mut TcpStream) -> Asked {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
    let head = head.to_lowercase();
    let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (head, body)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// The spans that arrived, by the hexadecimal of their ids.
fn spans(receiver: &Server) -> HashMap<String, Span> {
    let mut spans = HashMap::new();
    for (head, body) in receiver.asked() {
        assert!(head.starts_with("post /v1/traces "), "{head}");
        assert_eq!(header(&head, "content-type"), Some("application/x-protobuf"));
        let request = ExportTraceServiceRequest::decode(body.as_slice()).expect("it is OTLP");
        for group in request.resource_spans {
            let about = format!("{:?}", group.resource.expect("spans say whose they are"));
            assert!(about.contains("service.name") && about.contains("herald"), "{about}");
            for span in group.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                assert!(span.start_time_unix_nano > 0 && span.end_time_unix_nano >= span.start_time_unix_nano);
                assert!(spans.insert(hex(&span.span_id), span).is_none(), "a span is sent once");
            }
        }
    }
    spans
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn one_trace_goes_from_a_request_over_its_jobs_to_the_calls_they_make() {
    let stage = Stage::new();
    stage.example_picture("amelie.jpg");
    let pictures = Server::answering("image/jpeg", std::fs::read(stage.path("amelie.jpg")).unwrap());
    let receiver = Server::answering("application/x-protobuf", Vec::new());
    let mut up = stage.herald(&["up", "--listen", "127.0.0.1:0"]);
    up.env("HERALD__TELEMETRY__OTLP_ENDPOINT", format!("http://{}", receiver.address));
    up.env("HERALD__PICTURES__ALLOW_HOSTS", &pictures.address);
    up.env("HERALD__LOG__FORMAT", "json").env("HERALD__LOG__LEVEL", "info,herald_worker=debug");
    let mut up = up.stderr(File::create(stage.path("log")).unwrap()).spawn().unwrap();
    let mut out = BufReader::new(up.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut said = |start: &str| out.find_map(|line| line.strip_prefix(start).map(str::to_owned)).expect(start);
    let token = said("admin token, shown this once: ");
    let address = said("herald serves http://").split(' ').next().unwrap().to_owned();

    let list = format!("name,picture\nAnn Example,http://{}/ann.jpg\n", pictures.address);
    let run = form(&[
        ("event", None, b"gala"),
        ("template", None, b"Winter Gala"),
        ("guests", Some("guests.csv"), list.as_bytes()),
    ]);
    let traceparent = format!("00-{TRACE}-{CALLER}-01");
    let ask = |method, path: &str, form, trace| ask_in(&address, method, path, Some(&token), form, trace);
    let started = ask("POST", "/api/v1/invitation-runs", Some(run.as_slice()), Some(traceparent.as_str()));
    assert_eq!(started.status, 202, "{}", started.json());
    let began = Instant::now();
    while ask("GET", &started.headers["location"], None, None).json()["state"] != "complete" {
        assert!(began.elapsed() < Duration::from_secs(60), "{}", std::fs::read_to_string(stage.path("log")).unwrap());
        std::thread::sleep(Duration::from_millis(50));
    }
    signal(&up, "TERM");
    assert_eq!(up.wait().unwrap().code(), Some(0));

    // The jobs' rows.
    let rows = jobs(&stage);
    assert!(rows.len() >= 6, "{rows:?}");
    for (id, kind, traceparent) in &rows {
        let trace = traceparent.as_deref().unwrap_or_default().split('-').nth(1);
        assert_eq!(trace, Some(TRACE), "{kind} {id} is in another trace: {traceparent:?}");
    }
    // What arrived at the receiver: each span below another one, up to the caller's.
    let spans = spans(&receiver);
    let named = |name: &str| {
        let mut named = spans.values().filter(|span| span.name == name && hex(&span.trace_id) == TRACE);
        let one = named.next().unwrap_or_else(|| panic!("no span {name} among {:?}", spans.values().map(|s| &s.name)));
        assert!(named.next().is_none(), "{name} is there twice");
        one
    };
    let chain = ["pictures", "picture.fetch", "contacts.import", "POST /api/v1/invitation-runs"].map(named);
    for pair in chain.windows(2) {
        assert_eq!(hex(&pair[0].parent_span_id), hex(&pair[1].span_id), "{} below {}", pair[0].name, pair[1].name);
    }
    assert_eq!(hex(&chain[3].parent_span_id), CALLER);
    assert_eq!(chain.map(|span| span.kind), [3, 5, 5, 2], "client, consumer, consumer, server");
    assert_eq!(hex(&named("face.crop").parent_span_id), hex(&chain[1].span_id));
    assert_eq!(hex(&named("invitation.render").parent_span_id), hex(&named("face.crop").span_id));
    // The call carried its own span's place.
    let (head, _) = &pictures.asked()[0];
    assert_eq!(header(head, "traceparent"), Some(format!("00-{TRACE}-{}-01", hex(&chain[0].span_id)).as_str()));
    // The log's lines name the same spans.
    let log = std::fs::read_to_string(stage.path("log")).unwrap();
    // The one other line is for the person who stops it.
    let logged = log.lines().filter(|line| !line.starts_with("stopping: "));
    let lines: Vec<Value> = logged.map(|line| serde_json::from_str(line).expect(line)).collect();
    let logged = |name: &str, key: &str, value: &str| {
        let found = lines
            .iter()
            .map(|line| &line["span"])
            .find(|span| span["name"] == name && span[key] == value && (name == "job" || span["method"] == "POST"));
        let span = found.unwrap_or_else(|| panic!("no line in {name} with {key} {value}:\n{log}"));
        assert_eq!(span["trace"], TRACE);
        span["span"].as_str().unwrap().to_owned()
    };
    assert_eq!(logged("request", "route", "/api/v1/invitation-runs"), hex(&chain[3].span_id));
    assert_eq!(logged("job", "kind", "picture.fetch"), hex(&chain[1].span_id));
}

/// Id, kind and traceparent of every job.
fn jobs(stage: &Stage) -> Vec<(uuid::Uuid, String, Option<String>)> {
    let config = DbConfig::Sqlite { path: stage.path("data/herald.db") };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let db = Db::connect(&config, Clock::system(), Ids::random()).await.unwrap();
        query("select id, kind, traceparent from jobs").all(&db).await.unwrap()
    })
}

#[test]
fn a_command_begins_a_trace_and_a_receiver_that_hangs_keeps_nobody() {
    let stage = Stage::new();
    stage.write("guests.csv", "name\nAnn Example\n");
    // It takes connections, as the system does for it, and never answers.
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut invite = stage.invite("guests.csv", &[]);
    invite.env("HERALD__TELEMETRY__OTLP_ENDPOINT", format!("http://{}", hanging.local_addr().unwrap()));
    let began = Instant::now();
    end(invite).with(0);
    assert!(began.elapsed() < Duration::from_secs(45), "{:?}", began.elapsed());
    let jobs = jobs(&stage);
    let traces: std::collections::HashSet<_> =
        jobs.iter().map(|(_, _, traceparent)| traceparent.as_deref().unwrap().split('-').nth(1)).collect();
    assert_eq!(traces.len(), 1, "the command and its jobs are one trace: {jobs:?}");
    end({
        let mut invite = stage.invite("guests.csv", &[]);
        invite.env("HERALD__TELEMETRY__OTLP_ENDPOINT", "collector:4318");
        invite
    })
    .with_error("setting telemetry.otlp_endpoint is not an HTTP address: \"collector:4318\"");
}
