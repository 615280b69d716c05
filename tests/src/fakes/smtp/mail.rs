//! A mail as a mail program reads it: headers unfolded and decoded (RFC 2047), the bodies of its parts (RFC 2045).

use base64::{Engine, prelude::BASE64_STANDARD};

/// A mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Its bytes.
    pub raw: Vec<u8>,
    headers: Vec<(String, String)>,
    parts: Vec<(String, String)>,
}

impl Mail {
    /// Reads what came over a wire or stood in a file.
    pub fn read(raw: &[u8]) -> Self {
        let text = String::from_utf8_lossy(raw);
        let (headers, body) = part(&text);
        let mut parts = Vec::new();
        let kind = find(&headers, "content-type").unwrap_or("text/plain").to_owned();
        match kind.split_once("boundary=\"").and_then(|(_, rest)| rest.split_once('"')) {
            Some((boundary, _)) => {
                for piece in body.split(&format!("--{boundary}")).skip(1).filter(|piece| !piece.starts_with("--")) {
                    let (headers, body) = part(piece.trim_start_matches("\r\n"));
                    let kind = find(&headers, "content-type").unwrap_or_default();
                    parts.push((kind.to_owned(), decode_body(&headers, body)));
                }
            }
            None => parts.push((kind, decode_body(&headers, body))),
        }
        Self { raw: raw.to_vec(), headers, parts }
    }

    /// A header, decoded; the first if there are several.
    pub fn header(&self, name: &str) -> Option<String> {
        find(&self.headers, &name.to_ascii_lowercase()).map(decode_words)
    }

    /// How many headers of that name there are.
    pub fn count(&self, name: &str) -> usize {
        self.headers.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name)).count()
    }

    /// The plain text.
    pub fn text(&self) -> &str {
        self.part("text/plain")
    }

    /// The HTML; empty if there is none.
    pub fn html(&self) -> &str {
        self.part("text/html")
    }

    fn part(&self, kind: &str) -> &str {
        self.parts.iter().find(|(found, _)| found.starts_with(kind)).map_or("", |(_, body)| body.as_str())
    }
}

/// Headers with lower-case names, unfolded, and the body.
fn part(text: &str) -> (Vec<(String, String)>, &str) {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in head.split("\r\n") {
        match (line.starts_with([' ', '\t']), headers.last_mut(), line.split_once(':')) {
            (true, Some((_, value)), _) => value.push_str(line),
            (_, _, Some((name, value))) => headers.push((name.to_ascii_lowercase(), value.trim_start().to_owned())),
            _ => {}
        }
    }
    (headers, body)
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
}

fn decode_body(headers: &[(String, String)], body: &str) -> String {
    let bytes = match find(headers, "content-transfer-encoding") {
        Some("base64") => BASE64_STANDARD.decode(body.replace(['\r', '\n'], "")).unwrap_or_default(),
        Some("quoted-printable") => unquote(&body.replace("=\r\n", "")),
        _ => body.as_bytes().to_vec(),
    };
    String::from_utf8_lossy(&bytes).replace("\r\n", "\n")
}

/// `=E2=82=AC` as bytes.
fn unquote(text: &str) -> Vec<u8> {
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::new(), 0);
    while at < bytes.len() {
        let code = bytes.get(at + 1..at + 3).and_then(|code| hex::decode(code).ok()).filter(|_| bytes[at] == b'=');
        match code {
            Some(code) => {
                out.extend(code);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    out
}

/// `=?utf-8?b?…?=`; white space between two such words is none.
fn decode_words(value: &str) -> String {
    let (mut out, mut rest, mut after_word) = (String::new(), value, false);
    while let Some((before, word)) = rest.split_once("=?") {
        let pieces: Vec<&str> = word.splitn(4, '?').collect();
        let &[_charset, encoding, coded, tail] = pieces.as_slice() else { break };
        if !(after_word && before.trim().is_empty()) {
            out.push_str(before);
        }
        let bytes = match encoding {
            "b" | "B" => BASE64_STANDARD.decode(coded).unwrap_or_default(),
            _ => unquote(&coded.replace('_', " ")),
        };
        out.push_str(&String::from_utf8_lossy(&bytes));
        rest = tail.strip_prefix('=').unwrap_or(tail);
        after_word = true;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_parts_are_read_as_mail_programs_do() {
        let mail = Mail::read(
            b"Subject: =?utf-8?b?w4k=?=\r\n =?utf-8?q?t=C3=A9_2?= x\r\n\
             Content-Type: multipart/alternative;\r\n boundary=\"b\"\r\n\r\n\
              --b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=E2=82=\r\n\
              =AC 5\r\n\
              --b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+\r\n--b--\r\n",
        );
        assert_eq!(mail.header("SUBJECT").as_deref(), Some("Été 2 x"));
        assert_eq!((mail.text(), mail.html()), ("€ 5\n", "<b>"));
    }
}
