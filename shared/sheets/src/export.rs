//! Writes CSV that a spreadsheet opens without running any part of it, such as `results.csv`.

use super::escape::escape_cell;
use std::io::{self, Write};

/// Writes rows of quoted cells with guarded formula characters (see [`escape_cell`]). Lines end with CRLF, as RFC 4180
/// demands. The file begins with a UTF-8 mark, because Excel otherwise shows wrong accents.
/// [`GuestFile`](super::GuestFile) reads the rows back unchanged.
pub struct CsvExport<W: Write> {
    inner: csv::Writer<W>,
    columns: usize,
}

impl<W: Write> CsvExport<W> {
    /// Starts a file with its header.
    ///
    /// # Errors
    /// The errors of the underlying writer.
    pub fn new<I, S>(mut into: W, header: I) -> io::Result<Self>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<str>,
    {
        into.write_all("\u{feff}".as_bytes())?;
        let inner = csv::WriterBuilder::new()
            .quote_style(csv::QuoteStyle::Always)
            .terminator(csv::Terminator::CRLF)
            .flexible(true)
            .from_writer(into);
        let mut export = CsvExport { inner, columns: 0 };
        export.columns = export.write_cells(header)?;
        Ok(export)
    }

    /// Writes a row.
    ///
    /// # Errors
    /// `InvalidInput` when the row and the header have different numbers of cells; the errors of the underlying writer.
    pub fn row<I, S>(&mut self, cells: I) -> io::Result<()>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<str>,
    {
        let written = self.write_cells(cells)?;
        if written != self.columns {
            let message = format!("a row of {written} cells under a header of {}", self.columns);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        Ok(())
    }

    /// Flushes the buffer and returns the underlying writer.
    ///
    /// # Errors
    /// The errors of the underlying writer.
    pub fn finish(self) -> io::Result<W> {
        self.inner.into_inner().map_err(csv::IntoInnerError::into_error)
    }

    fn write_cells<I, S>(&mut self, cells: I) -> io::Result<usize>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<str>,
    {
        let mut written = 0;
        for cell in cells {
            self.inner.write_field(escape_cell(cell.as_ref()).as_bytes())?;
            written += 1;
        }
        self.inner.write_record(None::<&[u8]>)?;
        Ok(written)
    }
}
