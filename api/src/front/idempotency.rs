//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header). A client that lost the answer to a `POST` sends the
//! request again. It gets the first answer, and Herald creates nothing a second time.
//!
//! Herald recognises a request by its caller, its method, its address and its body. For an upload it uses the media
//! type and the length instead of the body, for two reasons. A client that builds its form again takes a new boundary,
//! so the same form never has the same bytes. And an upload that only needs its answer again should not be read to its
//! end.
//!
//! A list with other guests usually has another length. If the length is the same, the client has wrongly used a key
//! twice. Lists of ids all have the same length. For such a body of rows, Herald also compares the hash before it
//! repeats the answer.
//!
//! A separate task answers the request. A client that closes the connection is likely to repeat the request, and then
//! finds the finished answer.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use herald_base::telemetry;
use herald_ledger::idempotency::{self, Claim, Held, Kept};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tracing::Instrument;

use crate::{
    Api,
    front::{
        actor::{By, RequestId},
        input, limits,
        problem::{Kind, Problem},
    },
};

/// The header with the client's key.
pub(crate) const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header of a repeated answer. Its value is `true`.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The routes that accept a key.
pub(crate) const ROUTES: &[&str] = &[
    "/api/v1/connections/{name}/test",
    "/api/v1/crm/syncs",
    "/api/v1/imports",
    "/api/v1/invitation-runs",
    "/api/v1/invitation-runs/{id}/retry",
    "/api/v1/jobs",
    "/api/v1/jobs/act/{act}",
    "/api/v1/jobs/bulk",
    "/api/v1/jobs/{id}/retry",
    "/api/v1/keys",
    "/api/v1/probes",
    "/api/v1/schedules",
    "/api/v1/schedules/{id}/run",
    "/api/v1/templates",
    "/api/v1/workspace-invitations",
];
/// The routes whose answers contain a secret. Herald encrypts these answers when it stores them.
const SECRET: &[&str] = &["/api/v1/keys", "/api/v1/workspace-invitations"];
/// The routes that stream any body, and return its hash with the answer.
const STREAMED: &[&str] = &["/api/v1/jobs/bulk"];
/// The name under which the hash of a body is stored among the headers of its answer. No header can have this name.
const OF_BODY: &str = ":body";
/// The longest key, in bytes.
const LONGEST_KEY: usize = 255;
/// The headers that belong to an answer, besides those that every answer gets.
const OWN: &[HeaderName] = &[header::CONTENT_TYPE, header::ETAG, header::LOCATION, header::RETRY_AFTER];
/// The context of the encryption of answers.
const PLACE: &str = "an answer";
/// The largest answer of these routes, in bytes.
const LARGEST: usize = 8 << 20;
/// The pause between two renewals of a key while its request is being answered.
const SIGN: Duration = Duration::from_secs(20);

/// Answers a request that has a key only once.
pub(crate) async fn once(State(api): State<Api>, request: Request, next: Next) -> Result<Response, Problem> {
    if request.method() != Method::POST || !request.headers().contains_key(KEY) || !takes_keys(&request) {
        return Ok(next.run(request).await);
    }
    let (mut parts, body) = request.into_parts();
    let key = key(&parts.headers)?;
    let By(actor) = By::from_request_parts(&mut parts, &()).await?;
    let (fingerprint, body) = fingerprint(&parts, &actor.who, body).await?;
    match idempotency::claim(&api.db, actor.workspace_id, &key, &fingerprint).await? {
        Claim::First(held) => {
            let request = Request::from_parts(parts, body);
            let answer = telemetry::carried(answer(api.clone(), held.clone(), request, next));
            match tokio::spawn(answer.instrument(tracing::Span::current())).await {
                Ok(answered) => answered,
                Err(error) => {
                    give_back(&api, &held).await;
                    // The layer that handles panics answers.
                    error
                        .try_into_panic()
                        .map_or_else(|error| Err(Problem::internal(&error)), |panic| std::panic::resume_unwind(panic))
                }
            }
        }
        Claim::Answered(mut kept) => {
            // For a streamed body, only the length has been compared so far.
            if let Some(known) = kept.headers.remove(OF_BODY)
                && hash(body, api.settings.http.max_upload_mb << 20).await? != Some(known)
            {
                return Err(reused());
            }
            if is_secret(&parts.extensions) {
                let opened: Result<String, _> = api.accounts.vault().open(PLACE, &kept.body);
                kept.body = opened.map_err(|error| Problem::internal(&error))?.into_bytes();
            }
            again(kept, parts.extensions.get::<RequestId>())
        }
        Claim::InProgress => Err(Problem::new(
            Kind::InProgress,
            "a request with this Idempotency-Key is still in progress: try again in a moment",
        )
        .header(header::RETRY_AFTER, "2")),
        Claim::AnotherRequest => Err(reused()),
    }
}

/// The refusal of a key that belongs to another request.
pub(crate) fn reused() -> Problem {
    Problem::new(
        Kind::KeyReused,
        "this Idempotency-Key was used for another request within the last 24 hours: create a new key for each \
         request",
    )
}

/// The SHA-256 of a body, in hex. A handler that has read the whole body returns it with its answer.
#[derive(Clone, Debug)]
pub(crate) struct BodyHash(pub(crate) String);

/// The SHA-256 of a body, in hex; `None` if the body is larger than `most` bytes.
async fn hash(body: Body, most: u64) -> Result<Option<String>, Problem> {
    let mut chunks = body.into_data_stream();
    let (mut hash, mut read) = (Sha256::new(), 0);
    while let Some(chunk) = chunks.next().await {
        let chunk =
            chunk.map_err(|_| Problem::new(Kind::InvalidRequest, "the body ended early: send the request again"))?;
        read += chunk.len() as u64;
        if read > most {
            return Ok(None);
        }
        hash.update(&chunk);
    }
    Ok(Some(hex::encode(hash.finalize())))
}

/// The key of a request, if it has one.
pub(crate) fn sent(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    headers.contains_key(KEY).then(|| key(headers)).transpose()
}

fn takes_keys(request: &Request) -> bool {
    route(request.extensions()).is_some_and(|route| ROUTES.contains(&route))
}

fn is_secret(extensions: &Extensions) -> bool {
    route(extensions).is_some_and(|route| SECRET.contains(&route))
}

fn route(extensions: &Extensions) -> Option<&str> {
    extensions.get::<MatchedPath>().map(MatchedPath::as_str)
}

/// The key, with or without the quotes of a structured field.
fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let mut sent = headers.get_all(KEY).iter();
    let (Some(key), None) = (sent.next(), sent.next()) else {
        return Err(Problem::new(Kind::InvalidRequest, "the request has several Idempotency-Key headers: send one"));
    };
    let key = key.to_str().unwrap_or_default().trim();
    let key = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
    if key.is_empty() || key.len() > LONGEST_KEY {
        let detail =
            format!("the Idempotency-Key is not valid: use 1 to {LONGEST_KEY} printable characters, such as a UUID");
        return Err(Problem::new(Kind::InvalidRequest, detail));
    }
    Ok(key.to_owned())
}

/// The fingerprint of the request and its body. The body of an upload has not been read.
async fn fingerprint(parts: &Parts, who: &str, body: Body) -> Result<(String, Body), Problem> {
    let mut hash = Sha256::new();
    let mut add = |text: &[u8]| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    };
    let media_type = parts.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let media_type = media_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    for text in [who, parts.method.as_str(), &parts.uri.to_string()] {
        add(text.as_bytes());
    }
    add(&media_type.to_ascii_lowercase());
    let is_upload =
        ["multipart/form-data", "application/zip"].iter().any(|it| input::is_media_type(&parts.headers, it))
            || route(&parts.extensions).is_some_and(|route| STREAMED.contains(&route));
    let body = if is_upload {
        add(parts.headers.get(header::CONTENT_LENGTH).map(HeaderValue::as_bytes).unwrap_or_default());
        body
    } else {
        let bytes: Bytes = input::bytes(body, limits::JSON_BYTES).await?;
        add(&bytes);
        Body::from(bytes)
    };
    Ok((hex::encode(hash.finalize()), body))
}

/// Answers the request, and stores the answer.
async fn answer(api: Api, held: Held, request: Request, next: Next) -> Result<Response, Problem> {
    let is_secret = is_secret(request.extensions());
    let mut answering = std::pin::pin!(next.run(request));
    let response = loop {
        tokio::select! {
            response = &mut answering => break response,
            () = api.db.clock().sleep(SIGN) => {
                if let Err(error) = idempotency::renew(&api.db, &held).await {
                    tracing::warn!(%error, "an idempotency key was not renewed");
                }
            }
        }
    };
    // The request that the key belongs to must still get its answer.
    let is_anothers = response.extensions().get::<Problem>().is_some_and(|problem| problem.is(Kind::KeyReused));
    if is_anothers || !is_kept(response.status()) {
        give_back(&api, &held).await;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, LARGEST).await.map_err(|error| Problem::internal(&error))?;
    let of = |name: &HeaderName| Some((name.to_string(), parts.headers.get(name)?.to_str().ok()?.to_owned()));
    let mut headers: BTreeMap<String, String> = OWN.iter().filter_map(of).collect();
    if let Some(BodyHash(hash)) = parts.extensions.get() {
        headers.insert(OF_BODY.to_owned(), hash.clone());
    }
    let kept = match is_secret {
        true => api.accounts.vault().seal(PLACE, &String::from_utf8_lossy(&body)),
        false => body.to_vec(),
    };
    let kept = Kept { status: parts.status.as_u16(), headers, body: kept };
    if let Err(error) = idempotency::keep(&api.db, &held, &kept).await {
        tracing::warn!(%error, "an answer was not kept; its idempotency key is free in a minute");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

async fn give_back(api: &Api, held: &Held) {
    if let Err(error) = idempotency::release(&api.db, held).await {
        tracing::warn!(%error, "an idempotency key was not given back; it is free in a minute");
    }
}

/// Whether Herald stores an answer with this status. It does not store an answer that may differ at the next attempt:
/// failures of Herald, and refusals that pass.
fn is_kept(status: StatusCode) -> bool {
    let passing = [
        StatusCode::BAD_REQUEST,
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::PAYLOAD_TOO_LARGE,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    !status.is_server_error() && !passing.contains(&status)
}

/// Repeats the answer to the first request. A problem contains the id of the current request.
fn again(kept: Kept, request_id: Option<&RequestId>) -> Result<Response, Problem> {
    let status = StatusCode::from_u16(kept.status).map_err(|error| Problem::internal(&error))?;
    let mut body = kept.body;
    if let (true, Some(RequestId(id)), Ok(Value::Object(mut problem))) =
        (status.is_client_error(), request_id, serde_json::from_slice(&body))
    {
        problem.insert("request_id".to_owned(), id.as_str().into());
        body = Value::Object(problem).to_string().into_bytes();
    }
    let mut response = (status, body).into_response();
    response.headers_mut().remove(header::CONTENT_TYPE);
    for (name, value) in kept.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn known(media_type: &str, length: &str, body: &'static str) -> String {
        let request = Request::post("/api/v1/invitation-runs?x=1")
            .header(header::CONTENT_TYPE, media_type)
            .header(header::CONTENT_LENGTH, length);
        let (parts, body) = request.body(Body::from(body)).unwrap().into_parts();
        fingerprint(&parts, "token:1", body).await.unwrap().0
    }

    #[tokio::test]
    async fn json_is_known_by_its_bytes_and_a_form_by_its_length() {
        let json = known("application/json", "2", "{}").await;
        assert_eq!(json, known("application/json; charset=utf-8", "2", "{}").await);
        assert_ne!(json, known("application/json", "2", "[]").await);
        let form = known("multipart/form-data; boundary=a", "9", "--a").await;
        assert_eq!(form, known("multipart/form-data; boundary=b", "9", "--b").await);
        assert_ne!(form, known("multipart/form-data; boundary=a", "10", "--a").await);
    }

    #[test]
    fn a_key_is_one_printable_word_with_or_without_quotes() {
        let of = |value: &str| key(&HeaderMap::from_iter([(KEY, value.parse().unwrap())])).ok();
        assert_eq!(of("\"8e03978e\"").as_deref(), Some("8e03978e"));
        assert_eq!(of("8e03978e").as_deref(), Some("8e03978e"));
        assert_eq!(of(""), None);
        assert_eq!(of("\"\""), None);
        assert_eq!(of(&"x".repeat(256)), None);
        let mut two = HeaderMap::new();
        two.append(KEY, "a".parse().unwrap());
        two.append(KEY, "a".parse().unwrap());
        assert!(key(&two).is_err());
    }

    #[test]
    fn failures_that_may_pass_are_not_kept() {
        for status in [202, 201, 404, 409, 422] {
            assert!(is_kept(StatusCode::from_u16(status).unwrap()), "{status}");
        }
        for status in [400, 401, 413, 429, 500, 503, 504, 507] {
            assert!(!is_kept(StatusCode::from_u16(status).unwrap()), "{status}");
        }
    }
}
