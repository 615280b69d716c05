use image::imageops::{crop_imm, overlay, resize};
use image::{Rgb, RgbImage};

use super::{FaceFinder, FaceSettings};
use crate::picture::{Pixels, decode};
use crate::resize::Scratch;

/// The detector package's group photograph: 29 people, 1666×1136 pixels.
pub(crate) fn group_photograph() -> RgbImage {
    let bytes = include_bytes!(concat!(env!("OUT_DIR"), "/group_photograph.png"));
    let Pixels::Opaque(image) = decode(bytes).unwrap().pixels else {
        panic!("the photograph has alpha");
    };
    image
}

/// One person of the photograph, head and shoulders, `side` pixels square. The face is in the middle.
pub(crate) fn sitter(which: usize, side: u32) -> RgbImage {
    let (x, y) = [(196, 0), (569, 48), (971, 60)][which];
    let portrait = crop_imm(&group_photograph(), x, y, 140, 140).to_image();
    resize(&portrait, side, side, image::imageops::FilterType::CatmullRom)
}

fn detect(image: &RgbImage) -> Vec<super::Face> {
    FaceFinder::new().detect(image, &FaceSettings::default(), &mut Scratch::new())
}

#[test]
fn a_face_is_found_where_it_is_whatever_the_size_of_the_picture() {
    for which in 0..3 {
        for side in [90, 400, 1024] {
            let faces = detect(&sitter(which, side));
            let face = *faces.first().unwrap_or_else(|| panic!("sitter {which} at {side} is missed"));
            let side = side as f32;
            let middle = |start: i32| (start as f32 + face.size as f32 / 2.0) / side;
            assert!((0.3..0.7).contains(&middle(face.x)), "{face:?} in {side}");
            assert!((0.3..0.75).contains(&middle(face.y)), "{face:?} in {side}");
            let share = face.size as f32 / side;
            assert!((0.25..0.7).contains(&share), "{face:?} in {side}");
        }
    }
}

#[test]
fn the_largest_face_comes_first() {
    let mut image = RgbImage::from_pixel(900, 500, Rgb([120; 3]));
    overlay(&mut image, &sitter(0, 260), 30, 120);
    overlay(&mut image, &sitter(1, 430), 400, 40);
    let faces = detect(&image);
    assert!(faces.len() >= 2, "{faces:?}");
    assert!(faces.is_sorted_by(|a, b| a.size >= b.size), "{faces:?}");
    assert!(faces[0].x > 400 && faces.iter().any(|face| face.x < 300), "{faces:?}");
}

#[test]
fn a_small_face_is_found_by_the_second_pass() {
    let mut image = RgbImage::from_pixel(1000, 1000, Rgb([120; 3]));
    overlay(&mut image, &sitter(0, 400), 300, 300);
    let faces = detect(&image);
    let face = faces.first().expect("a face a sixth of the side");
    assert!(face.size < 250, "the first pass alone would have done: {face:?}");
    let middle = face.x + face.size as i32 / 2;
    assert!((420..580).contains(&middle), "{face:?}");
}

#[test]
fn pictures_without_a_face_give_none() {
    let plain = RgbImage::from_pixel(500, 400, Rgb([200, 180, 150]));
    let bricks = RgbImage::from_fn(500, 400, |x, y| {
        let shift = if (y / 40) % 2 == 0 { 0 } else { 30 };
        let joint = y % 40 < 4 || (x + shift) % 60 < 4;
        Rgb(if joint { [200; 3] } else { [150, 70, 50] })
    });
    let rings = RgbImage::from_fn(400, 400, |x, y| {
        let distance = (x as f32 - 200.0).hypot(y as f32 - 200.0);
        Rgb([(distance.sin() * 127.0 + 128.0) as u8; 3])
    });
    for image in [plain, bricks, rings] {
        assert!(detect(&image).is_empty());
    }
}

#[test]
fn tiny_and_thin_pictures_give_none() {
    for (width, height) in [(1, 1), (20, 1), (3000, 2), (2, 3000), (900, 100)] {
        assert!(detect(&RgbImage::new(width, height)).is_empty(), "{width}×{height}");
    }
}

#[test]
fn more_neighbours_ask_for_a_surer_face() {
    let (image, finder) = (sitter(0, 400), FaceFinder::new());
    let found = |min_neighbors| {
        let settings = FaceSettings { min_neighbors, ..FaceSettings::default() };
        finder.detect(&image, &settings, &mut Scratch::new()).len()
    };
    assert!(found(5) >= 1);
    assert!(found(0) >= found(5) && found(5) >= found(20));
    let settings = FaceSettings::default();
    assert!((settings.score(0.7) - 3.5).abs() < 1e-9 && (settings.score(0.4) - 2.0).abs() < 1e-9);
}

#[test]
fn any_settings_are_brought_into_the_detectors_range() {
    let (image, finder) = (sitter(1, 200), FaceFinder::new());
    for scale_factor in [-1.0, 0.0, 1.0, 1.05, 1.1, 9.0, f32::NAN] {
        for min_neighbors in [0, 3, u32::MAX] {
            let settings = FaceSettings { scale_factor, min_neighbors };
            finder.detect(&image, &settings, &mut Scratch::new());
        }
    }
}
