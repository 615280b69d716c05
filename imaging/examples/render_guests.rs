//! Renders the example guest list and the pictures of the documentation:
//! `cargo run --release -p herald-worker --example render_guests [folder for all invitations]`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use herald_imaging::crop::{CropSettings, DEFAULT_MARGIN, crop_portrait};
use herald_imaging::encode::{Format, encode};
use herald_imaging::face::{FaceFinder, FaceSettings};
use herald_imaging::fonts::FontLibrary;
use herald_imaging::picture::{self, Pixels};
use herald_imaging::render::{Guest, Scratch, render};
use herald_imaging::resize;
use herald_imaging::template::PreparedTemplate;
use herald_sheets::{GuestFile, GuestRow, Options};
use herald_template::Bundle;
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

/// The guests on the sheet of scripts, by their number in the list.
const SHEET: [usize; 8] = [1, 2, 3, 5, 7, 10, 12, 19];

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let images = root.join("docs/images");
    fs::create_dir_all(&images).context("creating docs/images")?;
    let fonts = FontLibrary::with_system(&[]);
    let prepare = |name: &str| -> Result<PreparedTemplate> {
        let folder = root.join("examples/templates").join(name);
        Ok(PreparedTemplate::new(&Bundle::read(&folder)?, &fonts)?)
    };
    let (gala, badge) = (prepare("gala")?, prepare("badge")?);
    let guests = guests(&root)?;
    let mut studio =
        Studio { root: &root, finder: FaceFinder::new(), resize: resize::Scratch::new(), scratch: Scratch::default() };

    let first = studio.draw(&gala, &guests[0], 1, Format::DEFAULT)?;
    fs::write(images.join("invitation.jpg"), first).context("writing invitation.jpg")?;
    let mut sheet = RgbImage::from_pixel(4 * 336 + 16, 2 * 416 + 16, Rgb([236, 233, 226]));
    for (place, index) in SHEET.into_iter().enumerate() {
        let bytes = studio.draw(&gala, &guests[index], index + 1, Format::Png)?;
        let small = imageops::resize(&image::load_from_memory(&bytes)?.into_rgb8(), 320, 400, FilterType::Lanczos3);
        let (column, row) = (place as i64 % 4, place as i64 / 4);
        imageops::replace(&mut sheet, &small, 16 + column * 336, 16 + row * 416);
    }
    save(&images.join("scripts.jpg"), &sheet)?;

    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else { return Ok(()) };
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    for (index, guest) in guests.iter().enumerate() {
        for (name, template) in [("gala", &gala), ("badge", &badge)] {
            let bytes = studio.draw(template, guest, index + 1, Format::DEFAULT)?;
            let path = folder.join(format!("{:02}-{name}.jpg", index + 1));
            fs::write(&path, bytes).with_context(|| format!("writing {}", path.display()))?;
        }
    }
    Ok(())
}

fn guests(root: &Path) -> Result<Vec<GuestRow>> {
    let file = GuestFile::open(root.join("examples/guests.csv"), &Options::default())?;
    file.map(|row| row.context("reading guests.csv")).collect()
}

/// What drawing needs for one guest after another.
struct Studio<'r> {
    root: &'r Path,
    finder: FaceFinder,
    resize: resize::Scratch,
    scratch: Scratch,
}

impl Studio<'_> {
    fn draw(&mut self, template: &PreparedTemplate, guest: &GuestRow, row: usize, format: Format) -> Result<Vec<u8>> {
        let portrait = self.portrait(guest, template.portrait_side().unwrap_or(1));
        let mut fields: BTreeMap<_, _> = guest.custom.clone();
        fields.insert("name".into(), guest.name.clone());
        // Any numbers that look drawn; real ones come from the event.
        let number = format!("{:04}", (row * 1_373 + 4_021) % 10_000);
        let link = format!("https://example.com/i/{row:04}/kQ3vX9tLm2Zr7bWcY5nA1sDfGhJk8pOe");
        let shown = Guest {
            fields: &fields,
            portrait: portrait.as_ref(),
            number: &number,
            link: &link,
            allow_missing_glyphs: true,
        };
        let rendered = render(template, &shown, format, &mut self.scratch)
            .with_context(|| format!("rendering for line {}", guest.line))?;
        for note in &rendered.notes {
            eprint_line(&format!("line {}: {note}", guest.line));
        }
        Ok(rendered.bytes)
    }

    /// The guest's face, or nothing if there is none to be had.
    fn portrait(&mut self, guest: &GuestRow, side: u32) -> Option<Pixels> {
        let bytes = fs::read(self.root.join("examples").join(guest.picture.as_deref()?)).ok()?;
        let settings = CropSettings { face: FaceSettings::default(), margin: DEFAULT_MARGIN, side };
        let found = picture::decode(&bytes)
            .ok()
            .and_then(|picture| crop_portrait(&picture, &self.finder, &settings, &mut self.resize));
        if found.is_none() {
            eprint_line(&format!("line {}: no face in {}", guest.line, guest.picture.as_deref().unwrap_or_default()));
        }
        found.map(|portrait| portrait.pixels)
    }
}

fn save(path: &Path, image: &RgbImage) -> Result<()> {
    let mut bytes = Vec::new();
    encode(image, Format::Jpeg { quality: 88 }, &mut bytes)?;
    fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))
}

#[allow(clippy::print_stderr)] // What a person who runs this looks at.
fn eprint_line(line: &str) {
    eprintln!("{line}");
}
