//! Scans a list before its run for names with characters that no font has.

use std::{fs::File, io::Seek, path::PathBuf};

use herald_imaging::{fonts::FontLibrary, glyph_check::GlyphCheck};
use herald_invitations as domain;
use herald_sheets::{GuestFile, GuestRow, Options};
use herald_template::{Bundle, Template};

/// The parameters of the scan.
pub(super) struct Look {
    pub(super) list: File,
    pub(super) options: Options,
    /// The largest number of guests.
    pub(super) limit: Option<u64>,
    pub(super) template: Template,
    pub(super) bundle: Bundle,
    pub(super) font_folders: Vec<PathBuf>,
}

/// Returns a line for each script that needs a font: `23 guests need a font for Devanagari: install fonts-noto-core`.
/// The list is rewound to its beginning.
pub(super) async fn look(look: Look) -> anyhow::Result<Vec<String>> {
    tokio::task::spawn_blocking(move || look.through()).await?
}

impl Look {
    fn through(mut self) -> anyhow::Result<Vec<String>> {
        let fonts = FontLibrary::with_system(&self.font_folders);
        let mut check = GlyphCheck::new(&self.template, &self.bundle, &fonts)?;
        let limit = usize::try_from(self.limit.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
        for row in GuestFile::new(&self.list, &self.options)?.take(limit).flatten() {
            check.add(&fields(row));
        }
        self.list.rewind()?;
        Ok(check.remarks())
    }
}

/// The fields that the template's texts may name, with the values of the run.
fn fields(row: GuestRow) -> std::collections::BTreeMap<String, String> {
    let mut custom = row.custom;
    for (field, value) in [("first_name", row.first_name), ("last_name", row.last_name)] {
        custom.extend(value.map(|value| (field.to_owned(), value)));
    }
    domain::fields_of(&row.name, row.email.as_deref(), row.phone.as_deref(), row.external_id.as_deref(), &custom)
}
