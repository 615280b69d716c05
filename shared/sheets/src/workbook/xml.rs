//! Walks the XML of a part.

use std::io::{self, BufRead};

use quick_xml::{
    Error, Reader,
    events::{BytesStart, Event},
};

use super::WorkbookError;

/// Elements within elements. Real parts have fewer than twenty.
const DEEPEST: usize = 64;

/// A walk through a part. Names are compared without their prefixes, and an empty element has an end, too.
pub(super) struct Walk<'n, B> {
    reader: Reader<B>,
    buffer: Vec<u8>,
    part: &'n str,
    depth: usize,
}

impl<'n, B: BufRead> Walk<'n, B> {
    pub(super) fn new(part: &'n str, from: B) -> Self {
        let mut reader = Reader::from_reader(from);
        reader.config_mut().expand_empty_elements = true;
        Self { reader, buffer: Vec::new(), part, depth: 0 }
    }

    /// The next event; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Event<'_>>, WorkbookError> {
        self.buffer.clear();
        let event = self.reader.read_event_into(&mut self.buffer).map_err(|error| broken(self.part, error))?;
        match &event {
            Event::Start(_) if self.depth == DEEPEST => {
                return Err(WorkbookError::damaged(self.part, "its elements nest too deep"));
            }
            Event::Start(_) => self.depth += 1,
            Event::End(_) => self.depth = self.depth.saturating_sub(1),
            // Its entities could make any amount of text of a few bytes.
            Event::DocType(_) => return Err(WorkbookError::damaged(self.part, "it declares a document type")),
            Event::Eof => return Ok(None),
            _ => {}
        }
        Ok(Some(event))
    }
}

fn broken(part: &str, error: Error) -> WorkbookError {
    match &error {
        Error::Io(cause) if cause.kind() == io::ErrorKind::FileTooLarge => {
            WorkbookError::TooLarge(format!("the workbook is packed too tightly: {part}: {cause}"))
        }
        _ => WorkbookError::damaged(part, error),
    }
}

/// Adds the text of an event to a text.
pub(super) fn add_text(event: &Event<'_>, part: &str, to: &mut String) -> Result<(), WorkbookError> {
    let wrong = |error: &dyn std::fmt::Display| WorkbookError::damaged(part, error);
    match event {
        Event::Text(text) => to.push_str(&text.xml10_content().map_err(|error| wrong(&error))?),
        Event::CData(text) => to.push_str(&text.xml10_content().map_err(|error| wrong(&error))?),
        Event::GeneralRef(reference) => match reference.resolve_char_ref().map_err(|error| wrong(&error))? {
            Some(character) => to.push(character),
            None => match reference.decode().map_err(|error| wrong(&error))?.as_ref() {
                "amp" => to.push('&'),
                "lt" => to.push('<'),
                "gt" => to.push('>'),
                "quot" => to.push('"'),
                "apos" => to.push('\''),
                name => return Err(wrong(&format!("there is no character &{name};"))),
            },
        },
        _ => {}
    }
    Ok(())
}

/// The value of an attribute, whatever its prefix.
pub(super) fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = element.attributes().flatten().find(|one| one.key.local_name().as_ref() == name.as_bytes())?;
    let raw = std::str::from_utf8(&found.value).ok()?;
    quick_xml::escape::unescape(raw).ok().map(std::borrow::Cow::into_owned)
}

/// Whether an attribute says yes.
pub(super) fn is_on(element: &BytesStart<'_>, name: &str) -> bool {
    attribute(element, name).is_some_and(|value| matches!(value.as_str(), "1" | "true" | "on"))
}

/// Resolves `_x000D_`, which stands for a character that XML cannot have.
pub(super) fn unescape_x(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("_x") {
        let (before, from) = rest.split_at(at);
        plain.push_str(before);
        let code = from.get(2..6).filter(|_| from.as_bytes().get(6) == Some(&b'_'));
        let character = code
            .filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|code| u16::from_str_radix(code, 16).ok());
        match character.and_then(|code| char::from_u32(code.into())) {
            Some(character) => {
                plain.push(character);
                rest = &from[7..];
            }
            None => {
                plain.push_str("_x");
                rest = &from[2..];
            }
        }
    }
    plain.push_str(rest);
    plain
}
