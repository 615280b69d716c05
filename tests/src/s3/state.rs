//! What the bucket holds, and what each call does to it.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Write as _,
    hash::{DefaultHasher, Hasher},
};

use axum::http::{HeaderMap, StatusCode};
use bytes::{Bytes, BytesMut};

use super::{
    S3Call, S3Fault,
    answer::{Answered, Asked},
};

/// The least a part that is not the last may have.
const LEAST_PART: usize = 5 << 20;
/// Keys in one answer: few, so that lists go on.
const PAGE: usize = 3;
/// Nothing here depends on the time.
const MODIFIED: &str = "Sun, 01 Mar 2026 09:00:00 GMT";

/// The bucket.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) files: BTreeMap<String, Bytes>,
    pub(super) uploads: BTreeMap<String, Upload>,
    pub(super) faults: VecDeque<(S3Call, S3Fault)>,
    pub(super) calls: Vec<S3Call>,
    pub(super) headers: Vec<HeaderMap>,
    pub(super) refuse_time: bool,
    begun: usize,
}

/// A file in parts.
#[derive(Debug)]
pub(super) struct Upload {
    key: String,
    parts: BTreeMap<usize, Bytes>,
}

impl State {
    /// The failure that was asked for next for this kind of request.
    pub(super) fn next_fault(&mut self, call: S3Call) -> Option<S3Fault> {
        let at = self.faults.iter().position(|(of, _)| *of == call)?;
        self.faults.remove(at).map(|(_, fault)| fault)
    }

    /// Does what is asked.
    pub(super) fn act(&mut self, asked: &Asked) -> Answered {
        match asked.call {
            S3Call::Put => {
                self.files.insert(asked.key.clone(), asked.body.clone());
                Answered::new(StatusCode::OK, "").with("etag", etag(&asked.body))
            }
            S3Call::Get | S3Call::Head => self.read(asked),
            S3Call::Delete => {
                self.files.remove(&asked.key);
                Answered::new(StatusCode::NO_CONTENT, "")
            }
            S3Call::Copy => self.copy(asked),
            S3Call::List => self.list(asked),
            S3Call::Begin => {
                self.begun += 1;
                let id = format!("upload-{}", self.begun);
                self.uploads.insert(id.clone(), Upload { key: asked.key.clone(), parts: BTreeMap::new() });
                Answered::xml(format!(
                    "<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
                ))
            }
            S3Call::Part => {
                let Some(upload) = self.uploads.get_mut(asked.word("uploadId")) else {
                    return Answered::error(404, "NoSuchUpload");
                };
                upload.parts.insert(asked.word("partNumber").parse().unwrap_or(0), asked.body.clone());
                Answered::new(StatusCode::OK, "").with("etag", etag(&asked.body))
            }
            S3Call::Complete => self.complete(asked),
            S3Call::Abort => match self.uploads.remove(asked.word("uploadId")) {
                Some(_) => Answered::new(StatusCode::NO_CONTENT, ""),
                None => Answered::error(404, "NoSuchUpload"),
            },
        }
    }

    fn read(&self, asked: &Asked) -> Answered {
        let Some(file) = self.files.get(&asked.key) else { return Answered::error(404, "NoSuchKey") };
        let whole = |answered: Answered| answered.with("etag", etag(file)).with("last-modified", MODIFIED);
        let Some(range) = asked.header("range").strip_prefix("bytes=") else {
            return whole(Answered::new(StatusCode::OK, file.clone()));
        };
        let (from, to) = range.split_once('-').unwrap_or((range, ""));
        let from: usize = from.parse().unwrap_or(0);
        let to = to.parse().map_or(file.len(), |to: usize| (to + 1).min(file.len()));
        if from >= to {
            return Answered::error(416, "InvalidRange");
        }
        let place = format!("bytes {from}-{}/{}", to - 1, file.len());
        whole(Answered::new(StatusCode::PARTIAL_CONTENT, file.slice(from..to))).with("content-range", place)
    }

    fn copy(&mut self, asked: &Asked) -> Answered {
        let source = percent_encoding::percent_decode_str(asked.header("x-amz-copy-source")).decode_utf8_lossy();
        let key = source.trim_start_matches('/').split_once('/').map_or("", |(_, key)| key);
        let Some(file) = self.files.get(key).cloned() else { return Answered::error(404, "NoSuchKey") };
        let tag = etag(&file);
        self.files.insert(asked.key.clone(), file);
        Answered::xml(format!("<CopyObjectResult><ETag>{tag}</ETag></CopyObjectResult>"))
    }

    fn list(&self, asked: &Asked) -> Answered {
        let after = asked.word("continuation-token");
        let mut listed =
            self.files.iter().filter(|(key, _)| key.starts_with(asked.word("prefix")) && key.as_str() > after);
        let page: Vec<_> = listed.by_ref().take(PAGE).collect();
        let mut body = String::from("<ListBucketResult>");
        for (key, file) in &page {
            let _ = write!(
                body,
                "<Contents><Key>{key}</Key><LastModified>2026-03-01T09:00:00.000Z</LastModified><ETag>{}</ETag><Size>{}</Size></Contents>",
                etag(file),
                file.len()
            );
        }
        if let (Some((last, _)), Some(_)) = (page.last(), listed.next()) {
            let _ =
                write!(body, "<IsTruncated>true</IsTruncated><NextContinuationToken>{last}</NextContinuationToken>");
        }
        Answered::xml(format!("{body}</ListBucketResult>"))
    }

    fn complete(&mut self, asked: &Asked) -> Answered {
        let id = asked.word("uploadId");
        let Some(upload) = self.uploads.get(id) else { return Answered::error(404, "NoSuchUpload") };
        let text = String::from_utf8_lossy(&asked.body);
        let numbers: Vec<usize> = text
            .split("<PartNumber>")
            .skip(1)
            .filter_map(|rest| rest.split_once("</PartNumber>")?.0.trim().parse().ok())
            .collect();
        let parts: Option<Vec<&Bytes>> = numbers.iter().map(|number| upload.parts.get(number)).collect();
        let Some(parts) = parts.filter(|parts| !parts.is_empty()) else { return Answered::error(400, "InvalidPart") };
        if parts.iter().rev().skip(1).any(|part| part.len() < LEAST_PART) {
            return Answered::error(400, "EntityTooSmall");
        }
        let mut file = BytesMut::new();
        for part in parts {
            file.extend_from_slice(part);
        }
        let (key, file) = (upload.key.clone(), file.freeze());
        let tag = etag(&file);
        self.files.insert(key.clone(), file);
        self.uploads.remove(id);
        Answered::xml(format!(
            "<CompleteMultipartUploadResult><Key>{key}</Key><ETag>{tag}</ETag></CompleteMultipartUploadResult>"
        ))
    }
}

fn etag(content: &[u8]) -> String {
    let mut hash = DefaultHasher::new();
    hash.write(content);
    format!("\"{:016x}\"", hash.finish())
}
