//! `ETag`, `If-Match`, `If-None-Match` (RFC 9110). With them, a client overwrites only a state that it has seen, and
//! Herald does not send a state again that the client already has.
//!
//! A tag is a hash of the representation itself, so it is strong: every visible change of an answer changes its tag.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::front::problem::{Kind, Problem};

/// The name of one state of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag(String);

impl Tag {
    /// The tag of a representation.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(format!("\"{}\"", hex::encode(&Sha256::digest(bytes)[..12])))
    }

    /// The tag of a value that is shown as JSON.
    pub(crate) fn of_json(shown: &impl Serialize) -> Result<Self, Problem> {
        serde_json::to_vec(shown).map(|bytes| Self::of(&bytes)).map_err(|error| Problem::internal(&error))
    }

    /// Adds the tag to the headers of an answer.
    pub(crate) fn put(&self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::from_str(&self.0) {
            headers.insert(header::ETAG, value);
        }
    }
}

/// Answers with JSON and its tag, or with `304` if the client already has this state.
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

/// Whether the client has the state that `tag` names. The comparison is weak, as RFC 9110 requires here.
pub(crate) fn not_modified(headers: &HeaderMap, tag: &Tag) -> bool {
    listed(headers, &header::IF_NONE_MATCH).any(|one| one == "*" || one.trim_start_matches("W/") == tag.0)
}

/// The states in which a change is allowed, from `If-Match` and `If-None-Match`.
#[derive(Clone, Debug)]
pub(crate) struct Precondition {
    /// The tags of `If-Match`, one of which must match. `None` if the request has no `If-Match`.
    any_of: Option<Vec<String>>,
    /// Whether the resource must not exist: `If-None-Match: *`.
    nothing: bool,
}

impl Precondition {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let any_of = headers
            .contains_key(header::IF_MATCH)
            .then(|| listed(headers, &header::IF_MATCH).map(str::to_owned).collect());
        Self { any_of, nothing: listed(headers, &header::IF_NONE_MATCH).any(|one| one == "*") }
    }

    /// Whether the precondition allows a change of the current state `now`; `None` stands for a resource that does not
    /// exist.
    pub(crate) fn holds(&self, now: Option<&Tag>) -> bool {
        let known = self
            .any_of
            .as_ref()
            .is_none_or(|any_of| now.is_some_and(|now| any_of.iter().any(|one| one == "*" || *one == now.0)));
        known && !(self.nothing && now.is_some())
    }

    /// Refuses a change of a state that the client has not seen.
    pub(crate) fn check(&self, now: Option<&Tag>) -> Result<(), Problem> {
        if self.holds(now) { Ok(()) } else { Err(failed()) }
    }
}

/// The refusal of a change of a state that the client has not seen.
pub(crate) fn failed() -> Problem {
    Problem::new(
        Kind::PreconditionFailed,
        "the resource does not match If-Match or If-None-Match: read it again, and send its ETag with the change",
    )
}

/// The members of a list header. Splitting at commas is safe, because the tags of Herald contain no commas.
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
