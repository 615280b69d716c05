//! The texts that cells share.

use std::io::{Read, Seek};

use quick_xml::events::Event;

use super::{
    WorkbookError,
    container::Container,
    xml::{Walk, add_text, unescape_x},
};

/// All texts together, in bytes. What a workbook says of their number may be a lie, so it is not believed.
const MOST: usize = 128 << 20;

/// The texts, one after the other.
#[derive(Default)]
pub(super) struct Strings {
    text: String,
    ends: Vec<u32>,
}

impl Strings {
    pub(super) fn read<R: Read + Seek>(container: &mut Container<R>, name: &str) -> Result<Self, WorkbookError> {
        let mut strings = Self::default();
        let Some(part) = container.part(name)? else { return Ok(strings) };
        let mut walk = Walk::new(name, part);
        let mut text = Text::default();
        let mut one = String::new();
        while let Some(event) = walk.next()? {
            match &event {
                Event::Start(element) if element.local_name().as_ref() == b"si" => one.clear(),
                Event::End(element) if element.local_name().as_ref() == b"si" => strings.push(&unescape_x(&one))?,
                event => text.take(event, name, &mut one)?,
            }
        }
        Ok(strings)
    }

    /// The text of a number.
    pub(super) fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)? as usize;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        self.text.get(start..end)
    }

    fn push(&mut self, text: &str) -> Result<(), WorkbookError> {
        self.text.push_str(text);
        if self.text.len() > MOST {
            return Err(WorkbookError::TooLarge(format!("the workbook has more than {} MiB of texts", MOST >> 20)));
        }
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        Ok(())
    }
}

/// Collects the text of an element: its runs, and not how they are spoken.
#[derive(Default)]
pub(super) struct Text {
    is_open: bool,
    /// Whether the walk is in a hint for the pronunciation.
    is_phonetic: bool,
}

impl Text {
    pub(super) fn take(&mut self, event: &Event<'_>, part: &str, to: &mut String) -> Result<(), WorkbookError> {
        match event {
            Event::Start(element) => match element.local_name().as_ref() {
                b"t" => self.is_open = true,
                b"rPh" => self.is_phonetic = true,
                _ => {}
            },
            Event::End(element) => match element.local_name().as_ref() {
                b"t" => self.is_open = false,
                b"rPh" => self.is_phonetic = false,
                _ => {}
            },
            event if self.is_open && !self.is_phonetic => add_text(event, part, to)?,
            _ => {}
        }
        Ok(())
    }
}
