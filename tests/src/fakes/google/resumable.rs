//! Uploads in chunks.
//!
//! See <https://developers.google.com/workspace/drive/api/guides/manage-uploads#resumable>.

use bytes::BytesMut;
use serde_json::{Map, Value};

use super::{
    super::http::{Answered, Asked},
    auth::Grant,
    create::{self, Media},
    errors,
    items::Role,
    resource,
    state::State,
    update,
};

/// Every chunk but the last has a multiple of that.
const UNIT: u64 = 256 << 10;

/// One that was begun.
pub(super) struct Upload {
    grant: Grant,
    /// The request that began it: its parameters hold for the end, too.
    begun: Asked,
    metadata: Value,
    /// The file that gets new bytes, unless it is a new file.
    of: Option<String>,
    total: Option<u64>,
    received: BytesMut,
    /// The answer, once it is done.
    pub(super) done: Option<Answered>,
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Upload").field("received", &self.received.len()).finish_non_exhaustive()
    }
}

/// `POST` or `PATCH` with `uploadType=resumable`: where the bytes go.
pub(super) fn begin(state: &mut State, grant: &Grant, asked: &Asked, of: Option<String>) -> Result<Answered, Answered> {
    let metadata = match asked.body.is_empty() {
        true => Value::Object(Map::new()),
        false => asked.json().ok_or_else(|| errors::bad_request("Parse Error"))?,
    };
    match &of {
        Some(id) => drop(state.allowed(grant, asked, id, Role::Writer)?),
        None => drop(create::checked(state, grant, asked, &metadata)?),
    }
    let total = match asked.header("x-upload-content-length") {
        "" => None,
        length => Some(length.parse().map_err(|_| errors::bad_request("Invalid X-Upload-Content-Length."))?),
    };
    let secret = state.ids.secret("ABg5-");
    let location = match &of {
        Some(id) => format!("{}/upload/drive/v3/files/{id}?uploadType=resumable&upload_id={secret}", state.origin),
        None => format!("{}/upload/drive/v3/files?uploadType=resumable&upload_id={secret}", state.origin),
    };
    let begun = Asked {
        method: asked.method.clone(),
        path: asked.path.clone(),
        query: asked.query.clone(),
        headers: asked.headers.clone(),
        body: asked.body.clone(),
    };
    let upload = Upload { grant: grant.clone(), begun, metadata, of, total, received: BytesMut::new(), done: None };
    state.uploads.insert(secret.clone(), upload);
    Ok(Answered::empty(200).with("location", location).with("x-guploader-uploadid", secret))
}

/// `PUT`: a chunk, all of it, or the question how far it came.
pub(super) fn chunk(state: &mut State, asked: &Asked) -> Answered {
    let secret = asked.word("upload_id");
    let Some(upload) = state.uploads.get_mut(secret) else {
        return Answered::new(404, "text/plain; charset=utf-8", "Not Found");
    };
    if let Some(done) = &upload.done {
        return done.clone();
    }
    let here = asked.body.len() as u64;
    let range = match Range::read(asked.header("content-range"), here) {
        Some(range) => range,
        None => return errors::bad_request("Failed to parse Content-Range header."),
    };
    let received = upload.received.len() as u64;
    let Range::Part { from, total } = range else { return more(received) };
    if total.is_some() && upload.total.is_some() && total != upload.total {
        return errors::bad_request("The total size differs from the size announced before.");
    }
    upload.total = total.or(upload.total);
    let is_last = total == Some(from + here);
    if from > received || (!is_last && !here.is_multiple_of(UNIT)) || total.is_some_and(|total| from + here > total) {
        return errors::bad_request("Invalid request. The chunk does not continue the upload or has a wrong size.");
    }
    // What is there already is not taken again.
    let known = usize::try_from(received - from).unwrap_or(usize::MAX).min(asked.body.len());
    upload.received.extend_from_slice(&asked.body[known..]);
    if !is_last {
        return more(upload.received.len() as u64);
    }
    finish(state, secret)
}

/// What a `Content-Range` says.
enum Range {
    Question,
    Part { from: u64, total: Option<u64> },
}

impl Range {
    fn read(header: &str, here: u64) -> Option<Self> {
        if header.is_empty() {
            return Some(Self::Part { from: 0, total: Some(here) });
        }
        let (range, total) = header.strip_prefix("bytes ")?.split_once('/')?;
        let total = if total == "*" { None } else { Some(total.parse().ok()?) };
        if range == "*" {
            // A file of nothing has no range.
            return Some(if total == Some(0) { Self::Part { from: 0, total } } else { Self::Question })
                .filter(|_| here == 0);
        }
        let (from, to) = range.split_once('-')?;
        let (from, to): (u64, u64) = (from.parse().ok()?, to.parse().ok()?);
        (to.checked_sub(from)? + 1 == here).then_some(Self::Part { from, total })
    }
}

fn more(received: u64) -> Answered {
    let answered = Answered::empty(308);
    if received == 0 { answered } else { answered.with("range", format!("bytes=0-{}", received - 1)) }
}

fn finish(state: &mut State, secret: &str) -> Answered {
    let Some(mut upload) = state.uploads.remove(secret) else { return errors::server(500) };
    let kind = upload.begun.header("x-upload-content-type").to_owned();
    let media = Media { kind, bytes: std::mem::take(&mut upload.received).freeze() };
    let made = match &upload.of {
        Some(id) => {
            update::change(state, &upload.grant, &upload.begun, id, &upload.metadata, Some(media)).map(|()| id.clone())
        }
        None => create::create(state, &upload.grant, &upload.begun, &upload.metadata, Some(media)),
    };
    let answered = made.and_then(|id| resource::answer(state, &upload.grant, &upload.begun, &state.items[&id]));
    match answered {
        Ok(done) => {
            upload.done = Some(done.clone());
            state.uploads.insert(secret.to_owned(), upload);
            done
        }
        Err(refused) => refused,
    }
}
