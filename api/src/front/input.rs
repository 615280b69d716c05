//! Readers of requests. Their refusals name the wrong field.

use axum::{
    body::{Body, Bytes},
    extract::{FromRequestParts, Path, Query, Request, rejection::PathRejection},
    http::{HeaderMap, header, request::Parts},
};
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::front::{
    limits,
    problem::{Fault, Kind, Problem},
};

/// The one character that a text must not contain: PostgreSQL cannot store it, and nobody types it.
pub(crate) const NUL: char = '\0';

/// The `{id}` of a path.
pub(crate) struct Id(pub(crate) Uuid);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let id: Result<Path<Uuid>, PathRejection> = Path::from_request_parts(parts, state).await;
        // A text that is not a valid id cannot name anything.
        id.map(|Path(id)| Self(id))
            .map_err(|_| Problem::new(Kind::NotFound, "the path does not contain a valid id: ids look like 0199…-…"))
    }
}

/// The two ids of a path.
pub(crate) struct TwoIds(pub(crate) Uuid, pub(crate) Uuid);

impl<S: Send + Sync> FromRequestParts<S> for TwoIds {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let ids: Result<Path<(Uuid, Uuid)>, PathRejection> = Path::from_request_parts(parts, state).await;
        ids.map(|Path((one, two))| Self(one, two))
            .map_err(|_| Problem::new(Kind::NotFound, "the path does not contain valid ids: ids look like 0199…-…"))
    }
}

/// The `{name}` of a path.
pub(crate) struct Name(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let name: Result<Path<String>, PathRejection> = Path::from_request_parts(parts, state).await;
        let Path(name) = name.map_err(|_| unheard_of())?;
        if name.contains(NUL) { Err(unheard_of()) } else { Ok(Self(name)) }
    }
}

/// The `{name}` and the `{key}` of a path.
pub(crate) struct NameAndKey(pub(crate) String, pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for NameAndKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let names: Result<Path<(String, String)>, PathRejection> = Path::from_request_parts(parts, state).await;
        let Path((name, key)) = names.map_err(|_| unheard_of())?;
        if name.contains(NUL) || key.contains(NUL) { Err(unheard_of()) } else { Ok(Self(name, key)) }
    }
}

/// The refusal of a name that no resource can have.
fn unheard_of() -> Problem {
    Problem::new(Kind::NotFound, "a name in the path is not UTF-8, or contains a NUL character: correct the path")
}

/// The parameters after the `?`.
pub(crate) struct Parameters<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // However the other characters are encoded, a NUL can only appear as `%00`.
        let pairs = parts.uri.query().into_iter().flat_map(|query| query.split('&'));
        if let Some(pair) = pairs.into_iter().find(|pair| pair.contains("%00")) {
            let name = pair.split('=').next().unwrap_or_default();
            return Err(Problem::field(name, format!("{name} contains a NUL character: send it without NUL")));
        }
        let read = Query::<T>::from_request_parts(parts, state).await;
        read.map(|Query(read)| Self(read)).map_err(|refusal| {
            let text = refusal.body_text();
            let text = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text).to_owned();
            Problem::new(Kind::InvalidRequest, format!("the query parameters cannot be read: {text}"))
        })
    }
}

/// A JSON body of at most [`limits::JSON_BYTES`].
pub(crate) async fn json<T: DeserializeOwned>(request: Request) -> Result<T, Problem> {
    if !is_media_type(request.headers(), "application/json") {
        return Err(Problem::new(
            Kind::UnsupportedMediaType,
            "the body must be JSON: send it with Content-Type: application/json",
        ));
    }
    json_body(request.into_body()).await
}

/// Reads a body as [`json`] does. Without a body, returns the default of `T`.
pub(crate) async fn json_or_nothing<T: DeserializeOwned + Default>(request: Request) -> Result<T, Problem> {
    let is_empty = axum::body::HttpBody::size_hint(request.body()).exact() == Some(0);
    if is_empty { Ok(T::default()) } else { json(request).await }
}

/// Reads a body of at most `most` bytes.
pub(crate) async fn bytes(body: Body, most: usize) -> Result<Bytes, Problem> {
    axum::body::to_bytes(body, most).await.map_err(|error| {
        let too_long =
            std::error::Error::source(&error).is_some_and(|cause| cause.to_string().contains("length limit"));
        if too_long {
            Problem::new(Kind::TooLarge, format!("the body is larger than {} KB: send less", most >> 10))
        } else {
            Problem::new(Kind::InvalidRequest, "the body ended early: send the request again")
        }
    })
}

async fn json_body<T: DeserializeOwned>(body: Body) -> Result<T, Problem> {
    let bytes = bytes(body, limits::JSON_BYTES).await?;
    let mut reader = serde_json::Deserializer::from_slice(&bytes);
    let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner();
        if cause.classify() == serde_json::error::Category::Data {
            let pointer = if path == "." { String::new() } else { path.replace(['.', '['], "/").replace(']', "") };
            return Problem::faults(Kind::InvalidField, vec![Fault::new(&pointer, plain(&cause))]);
        }
        Problem::new(Kind::InvalidRequest, format!("the body is not valid JSON: {cause}"))
    })?;
    reader.end().map_err(|error| Problem::new(Kind::InvalidRequest, format!("the body is not valid JSON: {error}")))?;
    match nul(&bytes) {
        Some(pointer) => Err(Problem::faults(
            Kind::InvalidField,
            vec![Fault::new(&pointer, "the text contains a NUL character: send it without NUL")],
        )),
        None => Ok(read),
    }
}

/// The place of a NUL in valid JSON, as a path without its first `/`. Only JSON that contains the escape is searched,
/// and nearly no JSON does.
pub(crate) fn nul(json: &[u8]) -> Option<String> {
    fn find(value: &Value) -> Option<String> {
        let below = |name: &str, value: &Value| {
            let name = name.replace('~', "~0").replace('/', "~1");
            find(value).map(|rest| if rest.is_empty() { name } else { format!("{name}/{rest}") })
        };
        match value {
            Value::String(text) => text.contains(NUL).then(String::new),
            Value::Array(items) => items.iter().enumerate().find_map(|(at, item)| below(&at.to_string(), item)),
            Value::Object(fields) => fields
                .iter()
                .find_map(|(name, value)| if name.contains(NUL) { Some(String::new()) } else { below(name, value) }),
            _ => None,
        }
    }
    let escape: &[u8] = b"\\u0000";
    let suspect = json.windows(escape.len()).any(|window| window == escape);
    suspect.then(|| serde_json::from_slice(json).ok()).flatten().and_then(|value: Value| find(&value))
}

/// The message without the position, because the pointer already gives it.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(message, _)| message.to_owned())
}

/// Whether the headers declare this media type.
pub(crate) fn is_media_type(headers: &HeaderMap, wanted: &str) -> bool {
    let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    sent.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted)
}

/// Reads a time of a query.
///
/// # Errors
/// The field, and how to write a time.
pub(crate) fn time(field: &str, text: Option<String>) -> Result<Option<DateTime<Utc>>, Problem> {
    let Some(text) = text else { return Ok(None) };
    text.parse::<DateTime<Utc>>()
        .map(Some)
        .map_err(|_| Problem::field(field, format!("{text:?} is not a valid time: write it as 2026-03-01T09:00:00Z")))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        #[expect(dead_code, reason = "only read")]
        ids: Vec<Uuid>,
    }

    async fn refusal(body: &str) -> serde_json::Value {
        let refused = json_body::<Order>(Body::from(body.to_owned())).await.unwrap_err();
        let bytes = axum::body::to_bytes(refused.respond(None).into_body(), 10_000).await.unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[tokio::test]
    async fn a_wrong_value_is_pointed_at() {
        let problem = refusal(r#"{"ids": ["0199a0a0-0000-7000-8000-000000000000", "x"]}"#).await;
        assert_eq!((&problem["status"], &problem["errors"][0]["pointer"]), (&422.into(), &"/ids/1".into()));
        let problem = refusal(r#"{"idz": []}"#).await;
        assert!(problem["detail"].as_str().unwrap().contains("unknown field `idz`"), "{problem}");
    }

    #[test]
    fn a_nul_is_found_wherever_it_is_and_only_there() {
        let found = |json: &str| nul(json.as_bytes());
        assert_eq!(found(r#"{"a": [1, {"b": "x\u0000"}]}"#).as_deref(), Some("a/1/b"));
        assert_eq!(found(r#"{"a": {"\u0000": 1}}"#).as_deref(), Some("a"));
        assert_eq!(found(r#""\u0000""#).as_deref(), Some(""));
        // A backslash, and then letters.
        assert_eq!(found(r#"{"a": "\\u0000", "b": "\u0001"}"#), None);
    }

    #[tokio::test]
    async fn what_is_no_json_or_too_much_of_it_is_refused() {
        assert_eq!(refusal("{\"ids\": [").await["status"], 400);
        assert_eq!(refusal("{\"ids\": []} x").await["status"], 400);
        assert_eq!(refusal(&" ".repeat(limits::JSON_BYTES + 1)).await["status"], 413);
    }
}
