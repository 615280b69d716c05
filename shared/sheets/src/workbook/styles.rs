//! The formats of cells.

use std::{
    collections::HashMap,
    io::{Read, Seek},
    rc::Rc,
};

use quick_xml::events::Event;

use super::{
    WorkbookError,
    container::Container,
    format::Format,
    xml::{Walk, attribute},
};

/// The formats, by the numbers that cells have.
#[derive(Default)]
pub(super) struct Styles {
    formats: Vec<Rc<Format>>,
}

impl Styles {
    pub(super) fn read<R: Read + Seek>(container: &mut Container<R>, name: &str) -> Result<Self, WorkbookError> {
        let mut styles = Self::default();
        let Some(part) = container.part(name)? else { return Ok(styles) };
        let mut walk = Walk::new(name, part);
        let mut own: HashMap<u32, Rc<Format>> = HashMap::new();
        let mut is_of_cells = false;
        while let Some(event) = walk.next()? {
            match &event {
                Event::Start(element) => match element.local_name().as_ref() {
                    b"numFmt" => {
                        let id = attribute(element, "numFmtId").and_then(|id| id.parse().ok());
                        if let (Some(id), Some(code)) = (id, attribute(element, "formatCode")) {
                            own.insert(id, Rc::new(Format::parse(&code)));
                        }
                    }
                    b"cellXfs" => is_of_cells = true,
                    b"xf" if is_of_cells => {
                        let id = attribute(element, "numFmtId").and_then(|id| id.parse().ok()).unwrap_or(0);
                        let format = own.get(&id).cloned();
                        styles.formats.push(format.unwrap_or_else(|| Rc::new(Format::built_in(id))));
                    }
                    _ => {}
                },
                Event::End(element) if element.local_name().as_ref() == b"cellXfs" => is_of_cells = false,
                _ => {}
            }
        }
        Ok(styles)
    }

    /// The format of a style.
    pub(super) fn get(&self, style: usize) -> Option<&Format> {
        self.formats.get(style).map(Rc::as_ref)
    }
}
