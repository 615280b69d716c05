//! The part of OTLP's messages that Herald sends, by field numbers (opentelemetry-proto 1.x, `trace.proto`,
//! `common.proto`, `resource.proto`). The official crates would add a second tracing system with its own threads and
//! clients. So only a test uses them, to read the sent messages.

use chrono::{DateTime, Utc};
use prost::Message;

use crate::telemetry::span::{Ended, SpanKind};

#[derive(Clone, PartialEq, Message)]
pub(super) struct Request {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(message, optional, tag = "1")]
    scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Span>,
}

#[derive(Clone, PartialEq, Message)]
struct Scope {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    version: String,
}

#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
    #[prost(message, optional, tag = "15")]
    status: Option<Status>,
    #[prost(fixed32, tag = "16")]
    flags: u32,
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "3")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(string, tag = "1")]
    text: String,
}

/// `STATUS_CODE_ERROR`.
const FAILED: i32 = 2;
/// The lower eight bits of `SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK` are the trace's flags. The span was recorded, so it
/// was sampled.
const SAMPLED: u32 = 1;

/// Builds the request for the spans of a process with this role.
pub(super) fn request(role: &str, spans: Vec<Ended>) -> Request {
    let version = env!("CARGO_PKG_VERSION");
    let about = [("service.name", "herald"), ("service.version", version), ("herald.role", role)];
    Request {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: about.iter().map(|(key, text)| pair(key, (*text).to_owned())).collect(),
            }),
            scope_spans: vec![ScopeSpans {
                scope: Some(Scope { name: "herald".to_owned(), version: version.to_owned() }),
                spans: spans.into_iter().map(span).collect(),
            }],
        }],
    }
}

fn span(ended: Ended) -> Span {
    let (trace, id) = ended.context.bytes();
    Span {
        trace_id: trace.to_vec(),
        span_id: id.to_vec(),
        parent_span_id: ended.parent.map(|parent| parent.to_vec()).unwrap_or_default(),
        name: ended.name,
        kind: match ended.kind {
            SpanKind::Internal => 1,
            SpanKind::Server => 2,
            SpanKind::Client => 3,
            SpanKind::Consumer => 5,
        },
        start_time_unix_nano: nanos(ended.began),
        end_time_unix_nano: nanos(ended.ended),
        attributes: ended.attributes.into_iter().map(|(key, text)| pair(key, text)).collect(),
        status: ended.failed.then_some(Status { code: FAILED }),
        flags: SAMPLED,
    }
}

fn pair(key: &str, text: String) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { text }) }
}

fn nanos(time: DateTime<Utc>) -> u64 {
    time.timestamp_nanos_opt().and_then(|nanos| u64::try_from(nanos).ok()).unwrap_or_default()
}
