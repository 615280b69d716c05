//! Guests' pictures of odd kinds.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use herald_imaging::picture::{self, Picture, PictureError, Pixels};
use image::RgbImage;

use crate::corpora::Line;

/// How far a picture with a wide profile may be from the same in sRGB, of 255.
const NEAR: f64 = 6.0;

/// The pictures of a case in order, by name.
pub(super) fn files(folder: &Path) -> Result<Vec<String>> {
    let folder = folder.join("pictures");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(names)
}

/// What Herald makes of a picture.
pub(super) fn decoded(folder: &Path, name: &str) -> Result<Result<Picture, PictureError>> {
    let path = folder.join("pictures").join(name);
    Ok(picture::decode(&fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?))
}

/// One line a picture: `told` says of a picture that was read what is looked at.
fn each(folder: &Path, expected: fn(&str) -> &'static str, told: fn(&Picture) -> &'static str) -> Result<Vec<Line>> {
    let line = |name: &String| {
        let got = match decoded(folder, name)? {
            Ok(picture) => told(&picture).to_owned(),
            Err(error) => format!("refused: {error}"),
        };
        Ok(Line::compare(name, expected(name), &got))
    };
    files(folder)?.iter().map(line).collect()
}

pub(super) fn all_are_read(folder: &Path) -> Result<Vec<Line>> {
    each(folder, |_| "read", |_| "read")
}

/// EXIF turns a picture wherever it stands; XMP does not, as in browsers.
pub(super) fn turned_by_exif(folder: &Path) -> Result<Vec<Line>> {
    let told = |picture: &Picture| if picture.turned { "turned" } else { "not turned" };
    each(folder, |name| if name == "xmp-only.jpg" { "not turned" } else { "turned" }, told)
}

pub(super) fn see_through(folder: &Path) -> Result<Vec<Line>> {
    let told = |picture: &Picture| if matches!(picture.pixels, Pixels::Alpha(_)) { "see-through" } else { "opaque" };
    each(folder, |_| "see-through", told)
}

/// What lacks only its end is read; what lacks its lower half is refused.
pub(super) fn without_an_end(folder: &Path) -> Result<Vec<Line>> {
    let line = |name: &String| {
        let outcome = decoded(folder, name)?;
        let (expected, holds) = match name.as_str() {
            "half.jpg" => ("refused as cut off", matches!(outcome, Err(PictureError::Truncated { .. }))),
            _ => ("read", outcome.is_ok()),
        };
        Ok(Line::judge(
            name,
            expected,
            outcome.map_or_else(|error| format!("refused: {error}"), |_| "read".to_owned()),
            holds,
        ))
    };
    files(folder)?.iter().map(line).collect()
}

/// Formats that Herald says it does not read: the guest is told which one it is and what to do.
pub(super) fn named_in_the_refusal(folder: &Path) -> Result<Vec<Line>> {
    let line = |name: &String| {
        let outcome = decoded(folder, name)?;
        let holds = matches!(outcome, Err(PictureError::NotAPicture { .. }));
        let got = outcome.map_or_else(|error| error.to_string(), |_| "read".to_owned());
        Ok(Line::judge(name, "refused, with its format and the cure", got, holds))
    };
    files(folder)?.iter().map(line).collect()
}

/// Pictures with another profile look as the one in sRGB.
pub(super) fn wide_gamut(folder: &Path) -> Result<Vec<Line>> {
    let in_srgb = opaque(folder, "srgb.jpg")?;
    let line = |name: &String| {
        let distance = distance(&in_srgb, &opaque(folder, name)?);
        Ok(Line::judge(name, &format!("within {NEAR} of sRGB"), format!("{distance:.1} away"), distance <= NEAR))
    };
    files(folder)?.iter().map(line).collect()
}

fn opaque(folder: &Path, name: &str) -> Result<RgbImage> {
    match decoded(folder, name)??.pixels {
        Pixels::Opaque(image) => Ok(image),
        Pixels::Alpha(_) => anyhow::bail!("{name} is see-through"),
    }
}

/// The mean difference of two pictures in a channel; endless if they differ in size.
fn distance(one: &RgbImage, other: &RgbImage) -> f64 {
    if one.dimensions() != other.dimensions() {
        return f64::INFINITY;
    }
    let sum: u64 = one.as_raw().iter().zip(other.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / one.as_raw().len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn the_distance_is_the_mean_of_the_channels() {
        let one = RgbImage::from_pixel(4, 4, Rgb([10, 20, 30]));
        let other = RgbImage::from_pixel(4, 4, Rgb([13, 20, 33]));
        assert!((distance(&one, &other) - 2.0).abs() < 1e-9);
        assert!(distance(&one, &RgbImage::new(4, 5)).is_infinite());
    }
}
