//! `ETag`, `If-Match`, `If-None-Match` (RFC 9110): nobody overwrites what they have not seen, and what is known is not
//! sent again.
//!
//! A tag is made of the representation itself, so it is strong: whatever shows in an answer changes it.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::front::problem::{Kind, Problem};

/// Names one state of a thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag(String);

impl Tag {
    /// Of a representation.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(format!("\"{}\"", hex::encode(&Sha256::digest(bytes)[..12])))
    }

    /// Of what is shown as JSON.
    pub(crate) fn of_json(shown: &impl Serialize) -> Result<Self, Problem> {
        serde_json::to_vec(shown).map(|bytes| Self::of(&bytes)).map_err(|error| Problem::internal(&error))
    }

    /// Tells it with an answer.
    pub(crate) fn put(&self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::from_str(&self.0) {
            headers.insert(header::ETAG, value);
        }
    }
}

/// Answers with JSON and its tag; with `304` if the client has just that.
pub(crate) fn show(headers: &HeaderMap, shown: &impl Serialize) -> Result<Response, Problem> {
    let tag = Tag::of_json(shown)?;
    let mut response = if not_modified(headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        axum::Json(shown).into_response()
    };
    tag.put(response.headers_mut());
    Ok(response)
}

/// Answers with JSON and its tag.
pub(crate) fn tagged(status: StatusCode, shown: impl Serialize) -> Result<Response, Problem> {
    let tag = Tag::of_json(&shown)?;
    let mut response = (status, axum::Json(shown)).into_response();
    tag.put(response.headers_mut());
    Ok(response)
}

/// Whether the client has what `tag` names. A weak comparison, as RFC 9110 wants it here.
pub(crate) fn not_modified(headers: &HeaderMap, tag: &Tag) -> bool {
    listed(headers, &header::IF_NONE_MATCH).any(|one| one == "*" || one.trim_start_matches("W/") == tag.0)
}

/// What a change may find, of `If-Match` and `If-None-Match`.
#[derive(Clone, Debug)]
pub(crate) struct Precondition {
    /// Any of these, if there was an `If-Match`.
    any_of: Option<Vec<String>>,
    /// Nothing: `If-None-Match: *`.
    nothing: bool,
}

impl Precondition {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let any_of = headers
            .contains_key(header::IF_MATCH)
            .then(|| listed(headers, &header::IF_MATCH).map(str::to_owned).collect());
        Self { any_of, nothing: listed(headers, &header::IF_NONE_MATCH).any(|one| one == "*") }
    }

    /// Whether it lets a change of what is there now through; `None` if there is nothing.
    pub(crate) fn holds(&self, now: Option<&Tag>) -> bool {
        let known = self
            .any_of
            .as_ref()
            .is_none_or(|any_of| now.is_some_and(|now| any_of.iter().any(|one| one == "*" || *one == now.0)));
        known && !(self.nothing && now.is_some())
    }

    /// Refuses a change of what the client does not know.
    pub(crate) fn check(&self, now: Option<&Tag>) -> Result<(), Problem> {
        if self.holds(now) { Ok(()) } else { Err(failed()) }
    }
}

/// The refusal of a change of what the client does not know.
pub(crate) fn failed() -> Problem {
    Problem::new(
        Kind::PreconditionFailed,
        "the resource does not match If-Match or If-None-Match: read it again, and send its ETag with the change",
    )
}

/// The members of a list header. What is in quotes of a tag of ours has no comma.
fn listed<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn a_change_goes_through_only_over_what_was_seen() {
        let (now, other) = (Tag::of(b"now"), Tag::of(b"other"));
        let holds = |value: &str, now: Option<&Tag>| Precondition::of(&headers(header::IF_MATCH, value)).holds(now);
        assert!(holds(&now.0, Some(&now)) && holds(&format!("{}, {}", other.0, now.0), Some(&now)));
        assert!(holds("*", Some(&now)) && !holds("*", None));
        assert!(!holds(&other.0, Some(&now)) && !holds(&now.0, None) && !holds("", Some(&now)));
        assert!(!holds(&format!("W/{}", now.0), Some(&now)), "a change wants a strong comparison");
        let fresh = Precondition::of(&headers(header::IF_NONE_MATCH, "*"));
        assert!(fresh.holds(None) && !fresh.holds(Some(&now)));
        assert!(Precondition::of(&HeaderMap::new()).holds(Some(&now)));
    }

    #[test]
    fn what_is_known_is_not_sent_again() {
        let tag = Tag::of(b"now");
        let known = |value: &str| not_modified(&headers(header::IF_NONE_MATCH, value), &tag);
        assert!(known(&tag.0) && known(&format!("\"x\", W/{}", tag.0)) && known("*"));
        assert!(!known("\"x\""));
        assert!(!not_modified(&HeaderMap::new(), &tag));
    }
}
