//! Pages of A4 as PDF: a title, bars, and tables that go on from page to page.
//!
//! Texts are shaped as on invitations, and their fonts come from the same places. The file has the used glyphs of each
//! font, so it looks the same on every machine. Of the same paper and the same fonts it has the same bytes.

mod draw;
mod gaps;
mod plan;
mod sheet;

#[cfg(test)]
mod tests;

use crate::fonts::FontLibrary;

/// Why a paper was not drawn.
#[derive(Debug, thiserror::Error)]
#[error("the PDF cannot be written: {0}")]
pub struct PaperError(String);

/// What a PDF shows, from its top to its end.
#[derive(Debug, Default)]
pub struct Paper {
    /// The title, on the first page and in the properties of the file.
    pub title: String,
    /// The line below the title.
    pub subtitle: String,
    /// The line at the foot of each page, beside its number.
    pub foot: String,
    /// When it counts as made: year, month and day. A clock would make other bytes each time.
    pub made: (u16, u8, u8),
    /// What follows.
    pub parts: Vec<Part>,
}

/// A part of a [`Paper`].
#[derive(Debug)]
pub enum Part {
    /// Numbers, each with a bar.
    Bars {
        /// The heading.
        heading: String,
        /// The bars.
        bars: Vec<Bar>,
    },
    /// A table. Its headings stand on each of its pages.
    Table {
        /// The heading.
        heading: String,
        /// The columns.
        columns: Vec<Column>,
        /// The rows: a cell for each column.
        rows: Vec<Vec<Cell>>,
        /// What is written where the rows would be, if the table has no row.
        empty: String,
    },
}

/// A number with its bar.
#[derive(Debug)]
pub struct Bar {
    /// What is counted.
    pub label: String,
    /// The number.
    pub count: u64,
    /// What is said beside it.
    pub remark: String,
}

/// A column of a table.
#[derive(Debug)]
pub struct Column {
    /// The heading.
    pub heading: &'static str,
    /// The part of the width that it takes, compared with the other columns.
    pub share: f32,
    /// Whether its cells stand at its right edge, as numbers do.
    pub is_number: bool,
}

/// A cell of a table, which has room for two lines.
#[derive(Debug, Default)]
pub struct Cell {
    /// The text. Without a line below it may take both lines.
    pub text: String,
    /// The softer line below.
    pub below: String,
}

impl Cell {
    /// A cell with a text that may take both lines.
    pub fn of(text: impl Into<String>) -> Self {
        Self { text: text.into(), below: String::new() }
    }

    /// A cell with a softer line below its text.
    pub fn with(text: impl Into<String>, below: impl Into<String>) -> Self {
        Self { text: text.into(), below: below.into() }
    }
}

impl Paper {
    /// Draws the pages. A text that is too long ends with an ellipsis. Characters that no font has are named in its
    /// place, and a note below the title counts such texts and says what to install.
    ///
    /// # Errors
    /// [`PaperError`] when a font of the machine cannot be embedded.
    pub fn draw(mut self, fonts: &FontLibrary) -> Result<Vec<u8>, PaperError> {
        let note = gaps::fill(&mut self, fonts);
        let pages = plan::pages(&self, note.is_some());
        draw::draw(&self, note.as_deref(), &pages, fonts)
    }
}
