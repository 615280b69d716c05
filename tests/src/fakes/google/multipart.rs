//! Uploads in one request: what is said of a file and its bytes, as `multipart/related` (RFC 2387), read strictly.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::{
    super::http::{Answered, Asked},
    create::Media,
    errors,
};

/// The most bytes of such an upload.
const LARGEST: usize = 5 << 20;

/// What is said of the file, and its bytes.
pub(super) fn read(asked: &Asked) -> Result<(Value, Media), Answered> {
    let (metadata, media) = match asked.word("uploadType") {
        "multipart" => {
            let told = asked.header("content-type");
            let parts = boundary(told).and_then(|boundary| parts(&asked.body, &boundary));
            let [(first, metadata), (second, bytes)] =
                parts.ok_or_else(|| errors::bad_request("Malformed multipart body."))?;
            if !first.starts_with("application/json") {
                return Err(errors::bad_request("The first part must be application/json."));
            }
            let metadata = serde_json::from_slice(&metadata).map_err(|_| errors::bad_request("Parse Error"))?;
            (metadata, Media { kind: second, bytes })
        }
        "media" => {
            let kind = asked.header("content-type").to_owned();
            (Value::Object(Map::new()), Media { kind, bytes: asked.body.clone() })
        }
        _ => return Err(errors::bad_request("uploadType must be media, multipart or resumable.")),
    };
    if media.bytes.len() > LARGEST {
        return Err(errors::error(413, "global", "uploadTooLarge", "The upload is too large for this protocol."));
    }
    Ok((metadata, media))
}

fn boundary(content_type: &str) -> Option<String> {
    let (kind, parameters) = content_type.split_once(';')?;
    if kind.trim() != "multipart/related" {
        return None;
    }
    let mut words = parameters.split(';').filter_map(|one| one.trim().strip_prefix("boundary="));
    words.next().map(|word| word.trim_matches('"').to_owned()).filter(|word| (1..=70).contains(&word.len()))
}

/// Both parts: their type and content.
fn parts(body: &Bytes, boundary: &str) -> Option<[(String, Bytes); 2]> {
    let (opens, between, closes) =
        (format!("--{boundary}\r\n"), format!("\r\n--{boundary}\r\n"), format!("\r\n--{boundary}--"));
    if !body.starts_with(opens.as_bytes()) {
        return None;
    }
    let end = body.strip_suffix(b"\r\n".as_slice()).unwrap_or(body).len();
    let first = body.slice(opens.len()..end.checked_sub(closes.len())?);
    if body[..end][first.len() + opens.len()..] != *closes.as_bytes() {
        return None;
    }
    let at = first.windows(between.len()).position(|window| window == between.as_bytes())?;
    let second = first.slice(at + between.len()..);
    Some([part(&first.slice(..at))?, part(&second)?])
}

/// A part's type and content.
fn part(whole: &Bytes) -> Option<(String, Bytes)> {
    let at = whole.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&whole[..at]).ok()?;
    let kind = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-type").then(|| value.trim().to_owned())
    })?;
    Some((kind, whole.slice(at + 4..)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Option<[(String, Bytes); 2]> {
        parts(&Bytes::from(body.to_owned()), "b")
    }

    #[test]
    fn both_parts_come_out_as_they_were_and_what_is_malformed_does_not() {
        let whole = "--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b\r\ncontent-type: image/png\r\n\r\n\r\n\
            --bytes\r\n\r\n--b--";
        let [(first, metadata), (second, bytes)] = read(whole).unwrap();
        assert_eq!(
            (first.as_str(), &metadata[..], second.as_str(), &bytes[..]),
            ("application/json", &b"{}"[..], "image/png", &b"\r\n--bytes\r\n"[..])
        );
        assert!(read(&format!("{whole}\r\n")).is_some());
        for wrong in
            ["", "--b\r\n", "--b--", "--b\r\n\r\n--b--", &whole[..whole.len() - 2], &whole.replace("\r\n", "\n")]
        {
            assert!(read(wrong).is_none(), "{wrong}");
        }
    }
}
