//! Templates, drawn for the guests beside them.

use std::path::Path;

use anyhow::{Context, Result};
use herald_imaging::encode::Format;
use herald_imaging::fonts::FontLibrary;
use herald_imaging::render::{Guest, Scratch, render};
use herald_imaging::template::PreparedTemplate;
use herald_sheets::GuestRow;
use herald_template::{Bundle, Template};
use image::RgbImage;

use super::lists::guests;
use crate::corpora::{Line, sub_folders};

const LINK: &str = "https://example.com/i/corpora";
/// How much more ink bold must have than regular.
const BOLDER: f64 = 1.2;

/// A guest's invitation.
struct Drawn {
    guest: GuestRow,
    image: RgbImage,
    notes: Vec<String>,
}

/// What becomes of each guest.
fn draw(folder: &Path) -> Result<Vec<Result<Drawn>>> {
    let bundle = Bundle::read(&folder.join("template"))?;
    let template = PreparedTemplate::new(&bundle, &FontLibrary::with_system(&[]))?;
    let mut scratch = Scratch::default();
    let one = |row: GuestRow| {
        let [email, phone, id] = [&row.email, &row.phone, &row.external_id].map(|cell| cell.as_deref());
        let fields = herald_invitations::fields_of(&row.name, email, phone, id, &row.custom);
        let guest = Guest { fields: &fields, portrait: None, number: "0042", link: LINK, allow_missing_glyphs: false };
        let rendered = render(&template, &guest, Format::Png, &mut scratch)?;
        let image = image::load_from_memory(&rendered.bytes).context("what was drawn is not a picture")?.into_rgb8();
        let notes = rendered.notes.iter().map(ToString::to_string).collect();
        Ok(Drawn { guest: row, image, notes })
    };
    Ok(guests(folder, "guests.csv")?.into_iter().map(one).collect())
}

/// Every guest has an invitation, and nothing of it was left out.
pub(super) fn drawn(folder: &Path) -> Result<Vec<Line>> {
    let line = |(at, drawn): (usize, Result<Drawn>)| {
        let file = format!("guests.csv row {}", at + 1);
        match drawn {
            Ok(drawn) if drawn.notes.is_empty() => Line::compare(&file, "drawn", "drawn"),
            Ok(drawn) => Line::compare(&file, "drawn", &drawn.notes.join("; ")),
            Err(error) => Line::compare(&file, "drawn", &format!("{error:#}")),
        }
    };
    Ok(draw(folder)?.into_iter().enumerate().map(line).collect())
}

/// Names are not programs, paths or patterns, and equal ones are different guests.
pub(super) fn awkward_names(folder: &Path) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for (at, drawn) in draw(folder)?.into_iter().enumerate() {
        let drawn = drawn.with_context(|| format!("row {}", at + 1))?;
        let written = std::fs::read_to_string(folder.join("guests.csv"))?;
        let kept = written.lines().any(|line| line.starts_with(&format!("{},", drawn.guest.name)));
        let ink = ink(&drawn.image, 0, drawn.image.height());
        let got = if !kept {
            drawn.guest.name
        } else if ink == 0.0 {
            "nothing drawn".to_owned()
        } else {
            "drawn as written".to_owned()
        };
        lines.push(Line::compare(&format!("guests.csv row {}", at + 1), "drawn as written", &got));
    }
    Ok(lines)
}

/// Codes can be read off the invitation, and pairs of colours that cannot be are refused.
pub(super) fn qr_codes(folder: &Path) -> Result<Vec<Line>> {
    let template = Template::read(&Bundle::read(&folder.join("template"))?)?;
    let mut lines = Vec::new();
    for drawn in draw(folder)? {
        let image = drawn?.image;
        for slot in &template.slots {
            let (x, y) = (slot.area.x.max(0).unsigned_abs(), slot.area.y.max(0).unsigned_abs());
            let code = image::imageops::crop_imm(&image, x, y, slot.area.width, slot.area.height).to_image();
            lines.push(Line::compare(&slot.label, LINK, &read_code(&code)));
        }
    }
    for name in sub_folders(folder)?.into_iter().filter(|name| name.starts_with("refused-")) {
        let got = match Template::read(&Bundle::read(&folder.join(&name))?) {
            Ok(_) => "taken".to_owned(),
            Err(_) => "refused".to_owned(),
        };
        lines.push(Line::compare(&name, "refused", &got));
    }
    Ok(lines)
}

fn read_code(image: &RgbImage) -> String {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let gray = image::imageops::grayscale(image);
    let shade = |x: usize, y: usize| gray.get_pixel(x as u32, y as u32).0[0];
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(width, height, shade);
    match prepared.detect_grids().first().map(rqrr::Grid::decode) {
        Some(Ok((_, content))) => content,
        Some(Err(error)) => format!("cannot be read: {error}"),
        None => "no code is seen".to_owned(),
    }
}

/// The upper half is regular, the lower one bold.
pub(super) fn bold_is_bolder(folder: &Path) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for drawn in draw(folder)? {
        let drawn = drawn?;
        let half = drawn.image.height() / 2;
        let times = ink(&drawn.image, half, drawn.image.height()) / ink(&drawn.image, 0, half).max(1.0);
        let holds = times >= BOLDER || !drawn.notes.is_empty();
        lines.push(Line::judge(
            "guests.csv",
            "bold is bolder, or a remark",
            format!("{times:.2} times the ink"),
            holds,
        ));
    }
    Ok(lines)
}

/// How much differs from the picture's corner between two rows.
fn ink(image: &RgbImage, from: u32, to: u32) -> f64 {
    let paper = image.get_pixel(0, 0).0;
    let darkness = |x, y| f64::from(paper[1].abs_diff(image.get_pixel(x, y).0[1])) / 255.0;
    (from..to.min(image.height()))
        .flat_map(|y| (0..image.width()).map(move |x| (x, y)))
        .map(|(x, y)| darkness(x, y))
        .sum()
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn ink_is_what_differs_from_the_paper() {
        let mut image = RgbImage::from_pixel(4, 4, Rgb([255; 3]));
        image.put_pixel(1, 3, Rgb([0; 3]));
        assert!((ink(&image, 0, 2), ink(&image, 2, 9)) == (0.0, 1.0));
    }

    #[test]
    fn a_picture_without_a_code_has_none() {
        assert_eq!(read_code(&RgbImage::from_pixel(40, 40, Rgb([255; 3]))), "no code is seen");
    }
}
