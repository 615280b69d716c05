//! A mail as far as it must be understood here: headers, parts, encodings. Nothing fails; what is broken is taken as it
//! stands.

/// How deep parts may lie in parts, and how many are read.
const DEPTH: usize = 6;
const PARTS: usize = 100;

/// The headers of a mail or of a part, in their order, names in small letters, folded lines joined.
#[derive(Clone, Debug, Default)]
pub(crate) struct Headers(Vec<(String, String)>);

impl Headers {
    /// The first header of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All headers of a name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A header in small letters; empty if there is none.
    pub(crate) fn lower(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_lowercase()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A part of a mail that has no parts itself.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// Its type in small letters, such as `text/plain`.
    pub(crate) kind: String,
    /// What it says, decoded.
    pub(crate) text: String,
}

impl Part {
    /// Whether people read it.
    pub(crate) fn is_text(&self) -> bool {
        self.kind.starts_with("text/") && !self.is_original()
    }

    /// Whether it is the mail that came back, or its headers.
    pub(crate) fn is_original(&self) -> bool {
        let known = ["message/rfc822", "text/rfc822", "message/global", "message/partial", "message/rfc822-headers"];
        known.iter().any(|known| self.kind.starts_with(known)) && self.kind != "message/global-delivery-status"
    }
}

/// The text of a mail: line feeds alone end lines, whatever ended them; bytes that are not UTF-8 are replaced.
pub(crate) fn text_of(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw).replace("\r\n", "\n").replace('\r', "\n");
    let text = text.trim_start_matches(['\n', '\u{feff}']);
    // A line that mailboxes put before each mail.
    match text.strip_prefix("From ").and_then(|rest| rest.split_once('\n')) {
        Some((_, rest)) => rest.to_owned(),
        None => text.to_owned(),
    }
}

/// Splits a mail or a part at the first empty line.
pub(crate) fn split(text: &str) -> (Headers, &str) {
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        if line.trim().is_empty() {
            return (Headers(headers), after);
        }
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = headers.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':').filter(|(name, _)| is_name(name)) {
            headers.push((name.trim().to_lowercase(), value.trim().to_owned()));
        } else if headers.is_empty() {
            return (Headers::default(), text);
        }
        rest = after;
    }
    (Headers(headers), "")
}

fn is_name(name: &str) -> bool {
    let name = name.trim_end();
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The parts of a mail, those of parts among them. Mails within it are not taken apart.
pub(crate) fn parts(headers: &Headers, body: &str) -> Vec<Part> {
    let mut all = Vec::new();
    take_apart(headers, body, 0, &mut all);
    all
}

fn take_apart(headers: &Headers, body: &str, depth: usize, all: &mut Vec<Part>) {
    if all.len() >= PARTS {
        return;
    }
    let of_type = headers.get("content-type").unwrap_or("text/plain");
    let kind = of_type.split(';').next().unwrap_or_default().trim().to_lowercase();
    let bodies = match (kind.starts_with("multipart/"), parameter(of_type, "boundary")) {
        (true, Some(boundary)) if depth < DEPTH => bodies(body, &boundary),
        _ => Vec::new(),
    };
    if bodies.is_empty() {
        let kind = if kind.is_empty() || kind.starts_with("multipart/") { "text/plain".to_owned() } else { kind };
        let decoded = decoded(headers, body);
        let text = if kind == "text/html" { without_tags(&decoded) } else { decoded };
        all.push(Part { kind, text });
        return;
    }
    for body in bodies {
        let (own, rest) = split(body);
        // A part without headers begins with an empty line. One that forgot it is text.
        let rest = if own.is_empty() { body } else { rest };
        take_apart(&own, rest, depth + 1, all);
    }
}

/// What stands between the lines with the boundary, what stands before the first one among it, if it says anything.
fn bodies<'a>(body: &'a str, boundary: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    let (mut from, mut at, mut is_over) = (0, 0, false);
    let mut seen = false;
    for line in body.split_inclusive('\n') {
        let is_edge = line.strip_prefix("--").and_then(|rest| rest.strip_prefix(boundary));
        if let Some(after) = is_edge.filter(|after| after.trim().is_empty() || after.starts_with("--")) {
            if seen && !is_over {
                found.extend(body.get(from..at));
            }
            seen = true;
            is_over = after.starts_with("--");
            from = at + line.len();
        }
        at += line.len();
    }
    if seen && !is_over {
        found.extend(body.get(from..));
    }
    found
}

/// A parameter of a header, such as the boundary of a content type.
pub(crate) fn parameter(header: &str, name: &str) -> Option<String> {
    let lower = header.to_ascii_lowercase();
    let mut from = 0;
    loop {
        let at = from + lower.get(from..)?.find(name)?;
        let before = header.get(..at)?.trim_end();
        let rest = header.get(at + name.len()..)?.trim_start();
        from = at + name.len();
        let Some(value) = rest.strip_prefix('=').filter(|_| before.ends_with(';')) else { continue };
        let value = value.trim_start();
        return Some(match value.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next().unwrap_or_default().to_owned(),
            None => value.split([';', ' ', '\t']).next().unwrap_or_default().to_owned(),
        })
        .filter(|value| !value.is_empty());
    }
}

fn decoded(headers: &Headers, body: &str) -> String {
    match headers.lower("content-transfer-encoding").trim() {
        "base64" => String::from_utf8_lossy(&base64(body)).replace("\r\n", "\n").replace('\r', "\n"),
        "quoted-printable" => quoted_printable(body),
        _ => body.to_owned(),
    }
}

/// The bytes of base64. Other characters are passed over, as RFC 2045 wants.
fn base64(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut kept) = (0_u32, 0_u32);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => break,
            _ => continue,
        };
        bits = (bits << 6 | u32::from(value)) & 0xFF_FFFF;
        kept += 6;
        if kept >= 8 {
            kept -= 8;
            bytes.extend(u8::try_from(bits >> kept & 0xFF));
        }
    }
    bytes
}

fn quoted_printable(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'=' {
            bytes.push(byte);
            continue;
        }
        match rest.peek().copied() {
            Some(b'\n') => {
                rest.next();
            }
            Some(first) => match hex(first) {
                Some(high) => {
                    rest.next();
                    match rest.peek().copied().and_then(hex) {
                        Some(low) => {
                            rest.next();
                            bytes.push(high << 4 | low);
                        }
                        None => bytes.extend([b'=', first]),
                    }
                }
                None => bytes.push(b'='),
            },
            None => {}
        }
    }
    String::from_utf8_lossy(&bytes).replace("\r\n", "\n")
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// HTML as people read it, roughly: only words and codes are looked for in it.
fn without_tags(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut within = String::new();
    let mut is_tag = false;
    for letter in html.chars() {
        match (letter, is_tag) {
            ('<', _) => {
                is_tag = true;
                within.clear();
            }
            ('>', true) => {
                is_tag = false;
                // An address in angle brackets that forgot its escapes.
                if within.contains('@') && !within.contains([' ', '=']) {
                    text.push_str(&within);
                }
                let name = within.trim_start_matches('/').to_lowercase();
                let ends = ["br", "p", "div", "tr", "td", "li", "h"].iter().any(|block| name.starts_with(block));
                text.push(if ends { '\n' } else { ' ' });
            }
            (letter, true) if within.len() < 500 => within.push(letter),
            (_, true) => {}
            (letter, false) => text.push(letter),
        }
    }
    let escapes = [("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", " "), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    escapes.iter().fold(text, |text, (escape, plain)| text.replace(escape, plain))
}

/// The first e-mail address in a text.
pub(crate) fn address_in(text: &str) -> Option<String> {
    addresses_in(text).next()
}

/// The e-mail addresses in a text.
pub(crate) fn addresses_in(text: &str) -> impl Iterator<Item = String> {
    let is_edge = |c: char| c.is_whitespace() || c.is_control() || "<>()[]{}\",;:`|\u{fffd}".contains(c);
    text.split(is_edge).filter_map(|word| {
        let word = word.trim_matches(['.', '\'', '!', '?', '*', '-', '=', '/', '\\']);
        let (local, domain) = word.rsplit_once('@')?;
        let is_address = !local.is_empty()
            && !local.contains('@')
            && word.len() <= 254
            && domain.contains('.')
            && domain.chars().all(|c| c.is_alphanumeric() || c == '.' || c == '-' || c == '_');
        is_address.then(|| word.to_owned())
    })
}
