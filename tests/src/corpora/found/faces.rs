//! Faces that are small, at the edge, or not alone.

use std::path::Path;

use anyhow::Result;
use herald_imaging::crop::{self, CropSettings, Portrait};
use herald_imaging::face::{FaceFinder, FaceSettings};
use herald_imaging::picture::Pixels;
use herald_imaging::resize::Scratch;

use super::pictures::{decoded, files};
use crate::corpora::Line;

/// How far a face's middle may be from the portrait's, in parts of its side.
const MIDDLE: f64 = 0.12;
/// What is added around a face without a setting.
const MARGIN: f32 = 0.6;
const SIDE: u32 = 512;

fn portrait(folder: &Path, name: &str) -> Result<Option<Portrait>> {
    let settings = CropSettings { face: FaceSettings::default(), margin: MARGIN, side: SIDE };
    Ok(crop::crop_portrait(&decoded(folder, name)??, &FaceFinder::new(), &settings, &mut Scratch::new()))
}

/// A face at the edge is in the middle of its portrait, which is smaller for that.
pub(super) fn at_the_edge(folder: &Path) -> Result<Vec<Line>> {
    let line = |name: &String| {
        let away = portrait(folder, name)?.and_then(|portrait| away(&portrait.pixels));
        let got = away.map_or("no face".to_owned(), |away| format!("{away:.2} of the side away"));
        let expected = format!("the face within {MIDDLE} of the middle");
        Ok(Line::judge(name, &expected, got, away.is_some_and(|away| away <= MIDDLE)))
    };
    files(folder)?.iter().map(line).collect()
}

/// How far the face in a portrait is from its middle, left or right, in parts of the side.
fn away(pixels: &Pixels) -> Option<f64> {
    let Pixels::Opaque(image) = pixels else { return None };
    let found = FaceFinder::new().detect(image, &FaceSettings::default(), &mut Scratch::new());
    let face = found.first()?;
    let middle = f64::from(face.x) + f64::from(face.size) / 2.0;
    Some((middle / f64::from(image.width().max(1)) - 0.5).abs())
}

pub(super) fn several(folder: &Path) -> Result<Vec<Line>> {
    let line = |name: &String| {
        let found = portrait(folder, name)?.map_or(0, |portrait| portrait.faces_found);
        Ok(Line::compare(name, "2 faces", &format!("{found} faces")))
    };
    files(folder)?.iter().map(line).collect()
}

/// The name says how large the face is, in parts of a hundred of the longer side. Smaller than six need not be found.
pub(super) fn small(folder: &Path) -> Result<Vec<Line>> {
    let line = |name: &String| {
        let size = name.trim_start_matches("face-").trim_end_matches(".jpg").parse().unwrap_or(0);
        let found = portrait(folder, name)?.is_some();
        let expected = if size >= 6 { "a face" } else { "a face or none" };
        Ok(Line::judge(name, expected, if found { "a face" } else { "no face" }, found || size < 6))
    };
    files(folder)?.iter().map(line).collect()
}
