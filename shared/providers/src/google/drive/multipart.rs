//! A small file and its metadata in one request (RFC 2387).
//!
//! <https://developers.google.com/workspace/drive/api/guides/manage-uploads#multipart>

use bytes::{BufMut, Bytes, BytesMut};
use serde_json::Value;

/// A body and its content type.
#[derive(Clone, Debug)]
pub(super) struct Multipart {
    pub(super) content_type: String,
    pub(super) body: Bytes,
}

impl Multipart {
    /// Builds the body. The boundary contains the content's own hash, which no content can contain. It uses half of the
    /// hash, because a boundary has at most 70 characters (RFC 2046, 5.1.1).
    pub(super) fn new(metadata: &Value, mime_type: &str, content: &[u8], sha256: &str) -> Self {
        let boundary = format!("herald-{}", sha256.get(..32).unwrap_or(sha256));
        let metadata = metadata.to_string();
        let mut body = BytesMut::with_capacity(content.len() + metadata.len() + 512);
        for (kind, part) in [("application/json; charset=UTF-8", metadata.as_bytes()), (mime_type, content)] {
            body.put_slice(format!("--{boundary}\r\nContent-Type: {kind}\r\n\r\n").as_bytes());
            body.put_slice(part);
            body.put_slice(b"\r\n");
        }
        body.put_slice(format!("--{boundary}--\r\n").as_bytes());
        Self { content_type: format!("multipart/related; boundary={boundary}"), body: body.freeze() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_has_two_parts_and_the_content_as_it_is() {
        let content = b"\x89PNG\r\n--herald\r\n\0";
        let made = Multipart::new(&json!({ "name": "Ñandú.png" }), "image/png", content, "ab12");
        assert_eq!(made.content_type, "multipart/related; boundary=herald-ab12");
        let expected = [
            "--herald-ab12\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{\"name\":\"Ñandú.png\"}\r\n"
                .as_bytes(),
            b"--herald-ab12\r\nContent-Type: image/png\r\n\r\n",
            content,
            b"\r\n--herald-ab12--\r\n",
        ]
        .concat();
        assert_eq!(made.body, expected);
    }
}
