//! Uploads a large file piece by piece. Google knows how many bytes have arrived; after a broken connection Herald asks
//! Google, and the upload continues from there.
//!
//! <https://developers.google.com/workspace/drive/api/guides/manage-uploads#resumable>

use std::ops::Range;

use bytes::Bytes;
use reqwest::{
    StatusCode,
    header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderMap, LOCATION, RANGE},
};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{
    super::errors::{self, WHO},
    Drive,
    file::{NewFile, Stored},
    upload::{Delivered, Target, UPLOAD_TIMEOUT},
};
use crate::{Class, Meter, ProviderError, Result, http::Reply};

/// Every piece except the last must be a multiple of this size.
const UNIT: usize = 256 << 10;

/// The sizes at which uploads are split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadSizes {
    /// The largest file, in bytes, that is sent in one request. Google accepts 5 MB in this way.
    pub whole: usize,
    /// The size of the pieces of a larger file, in bytes, rounded down to a multiple of 256 KiB.
    pub chunk: usize,
}

impl Default for UploadSizes {
    fn default() -> Self {
        Self { whole: 5_000_000, chunk: 8 << 20 }
    }
}

impl UploadSizes {
    /// Returns the piece that begins at `from`.
    fn piece(self, from: usize, total: usize) -> Range<usize> {
        let chunk = (self.chunk / UNIT).max(1) * UNIT;
        from..total.min(from.saturating_add(chunk))
    }
}

/// The result of starting an upload.
enum Begun {
    Session(Url),
    Exists,
}

/// Google's answer to a piece, or to a query.
enum Step {
    /// This many bytes have arrived; more are missing.
    More(usize),
    /// The upload is complete.
    Done(Delivered),
    /// Google no longer knows this upload.
    Lost,
}

impl Drive {
    /// Uploads in pieces. If Google has forgotten the upload, it starts once more from the beginning.
    pub(super) async fn in_pieces(
        &self,
        target: Target<'_>,
        file: &NewFile,
        session: Option<SecretString>,
        on_session: &impl AsyncFn(SecretString) -> Result<()>,
        meter: &Meter,
    ) -> Result<Delivered> {
        let mut kept = session.and_then(|session| self.session(session.expose_secret()));
        let mut lost = false;
        loop {
            let (session, from) = match kept.take() {
                Some(session) => (session, None),
                None => match self.begin(target, file, meter).await? {
                    Begun::Exists => return Ok(Delivered::Exists),
                    Begun::Session(session) => {
                        on_session(session.to_string().into()).await?;
                        (session, Some(0))
                    }
                },
            };
            match self.pieces(&session, from, target, file, meter).await? {
                Some(delivered) => return Ok(delivered),
                None if lost => {
                    return Err(ProviderError::new(Class::Transient, "Google Drive interrupted the upload twice"));
                }
                None => lost = true,
            }
        }
    }

    /// Parses an upload's address, if it belongs to Drive, because the token is sent there.
    fn session(&self, address: &str) -> Option<Url> {
        Url::parse(address).ok().filter(|url| url.origin() == self.endpoints.upload_url.origin())
    }

    async fn begin(&self, target: Target<'_>, file: &NewFile, meter: &Meter) -> Result<Begun> {
        let (method, url) = self.target(target, "resumable");
        let metadata = target.metadata(file);
        let build = |client: &reqwest::Client| {
            client
                .request(method.clone(), url.clone())
                .header("X-Upload-Content-Type", &file.mime_type)
                .header("X-Upload-Content-Length", file.bytes.len())
                .json(&metadata)
        };
        let read = |reply: &Reply| match reply.status {
            status if status.is_success() => {
                let address = reply.headers.get(LOCATION).and_then(|value| value.to_str().ok());
                address.and_then(|address| self.session(address)).map(Begun::Session).ok_or_else(|| {
                    let message =
                        format!("{WHO} began an upload but returned no address for it: check the address of the API");
                    ProviderError::new(Class::Config, message)
                })
            }
            StatusCode::CONFLICT => Ok(Begun::Exists),
            _ => Err(errors::refused(reply, target.asked(file), self.auth())),
        };
        self.send(meter, build, read).await
    }

    /// Sends the missing bytes, beginning at `from`, or where Google says if `from` is unknown. Returns `None` if the
    /// upload is lost.
    async fn pieces(
        &self,
        session: &Url,
        mut from: Option<usize>,
        target: Target<'_>,
        file: &NewFile,
        meter: &Meter,
    ) -> Result<Option<Delivered>> {
        let total = file.bytes.len();
        // The piece whose transfer broke last. To continue, the next piece must begin after it. So a broken line ends
        // this attempt, and the ledger makes another one.
        let mut cut: Option<usize> = None;
        loop {
            let piece = from.map(|from| self.sizes.piece(from, total));
            let step = match (self.put(session, piece, target, file, meter).await, from) {
                (Err(error), Some(at)) if is_cut(&error) && cut.is_none_or(|last| at > last) => {
                    (cut, from) = (Some(at), None);
                    continue;
                }
                (step, _) => step?,
            };
            match step {
                Step::Done(delivered) => return Ok(Some(delivered)),
                Step::Lost => return Ok(None),
                Step::More(next) if next < total && from.is_none_or(|at| next > at) => from = Some(next),
                Step::More(_) => {
                    return Err(ProviderError::new(
                        Class::Transient,
                        "Google Drive does not accept the next part of the upload",
                    ));
                }
            }
        }
    }

    /// Sends a piece; without a piece it asks how many bytes have arrived.
    async fn put(
        &self,
        session: &Url,
        piece: Option<Range<usize>>,
        target: Target<'_>,
        file: &NewFile,
        meter: &Meter,
    ) -> Result<Step> {
        let range = content_range(piece.as_ref(), file.bytes.len());
        let body = piece.map_or_else(Bytes::new, |piece| file.bytes.slice(piece));
        let build = |client: &reqwest::Client| {
            client
                .put(session.clone())
                .header(CONTENT_RANGE, &range)
                .header(CONTENT_LENGTH, body.len())
                .body(body.clone())
                .timeout(UPLOAD_TIMEOUT)
        };
        let read = |reply: &Reply| match reply.status {
            StatusCode::PERMANENT_REDIRECT => Ok(Step::More(received(&reply.headers))),
            StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS => Err(errors::refused(reply, target.asked(file), self.auth())),
            StatusCode::CONFLICT => Ok(Step::Done(Delivered::Exists)),
            // The documentation names 404 and 410; other client errors are no better reason to continue this upload.
            status if status.is_client_error() => Ok(Step::Lost),
            status if status.is_success() => Stored::read(reply).map(|stored| Step::Done(Delivered::Stored(stored))),
            _ => Err(errors::refused(reply, target.asked(file), self.auth())),
        };
        self.send(meter, build, read).await
    }
}

/// Whether a part of the piece may have arrived.
fn is_cut(error: &ProviderError) -> bool {
    matches!(error.class, Class::Transient | Class::Down)
}

/// The range that a request declares for its content (RFC 9110, 14.4).
fn content_range(piece: Option<&Range<usize>>, total: usize) -> String {
    match piece {
        Some(piece) => format!("bytes {}-{}/{total}", piece.start, piece.end.saturating_sub(1)),
        None => format!("bytes */{total}"),
    }
}

/// Reads how many bytes have arrived, counted from the first. Without the header the number is zero.
fn received(headers: &HeaderMap) -> usize {
    let last = headers
        .get(RANGE)
        .and_then(|value| value.to_str().ok())
        .and_then(|range| range.trim_start_matches("bytes=").strip_prefix("0-"))
        .and_then(|last| last.trim().parse::<usize>().ok());
    last.map_or(0, |last| last.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_says_what_it_holds() {
        assert_eq!(content_range(Some(&(0..524_288)), 2_000_000), "bytes 0-524287/2000000");
        assert_eq!(content_range(None, 2_000_000), "bytes */2000000");
    }

    #[test]
    fn what_has_arrived_is_read_from_the_range() {
        let of = |value: &'static str| received(&HeaderMap::from_iter([(RANGE, value.parse().unwrap())]));
        assert_eq!(of("bytes=0-524287"), 524_288);
        assert_eq!(of("0-42"), 43);
        assert_eq!(of("bytes=7-42"), 0);
        assert_eq!(of("nonsense"), 0);
        assert_eq!(received(&HeaderMap::new()), 0);
    }

    proptest! {
        #[test]
        fn pieces_follow_each_other_and_only_the_last_is_uneven(total in 1_usize..20 << 20, chunk in 0_usize..9 << 20) {
            let sizes = UploadSizes { whole: 0, chunk };
            let mut from = 0;
            while from < total {
                let piece = sizes.piece(from, total);
                prop_assert_eq!(piece.start, from);
                prop_assert!(piece.end > from && piece.end <= total);
                prop_assert!(piece.end == total || piece.len().is_multiple_of(UNIT));
                prop_assert!(piece.len() <= chunk.max(UNIT));
                from = piece.end;
            }
        }
    }
}
