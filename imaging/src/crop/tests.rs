use image::imageops::overlay;
use image::{DynamicImage, Rgb, RgbImage};

use super::{CropSettings, DEFAULT_MARGIN, crop_portrait, square_around};
use crate::face::tests::sitter;
use crate::face::{Face, FaceFinder, FaceSettings};
use crate::picture::{Picture, PictureFormat, Pixels};
use crate::resize::Scratch;

fn picture(pixels: impl Into<Pixels>) -> Picture {
    Picture { pixels: pixels.into(), format: PictureFormat::Png, turned: false }
}

fn settings(side: u32) -> CropSettings {
    CropSettings { face: FaceSettings::default(), margin: DEFAULT_MARGIN, side }
}

fn crop(picture: &Picture, side: u32) -> Option<super::Portrait> {
    crop_portrait(picture, &FaceFinder::new(), &settings(side), &mut Scratch::new())
}

#[test]
fn the_crop_holds_the_largest_face_in_its_middle() {
    let mut image = RgbImage::from_pixel(900, 500, Rgb([120; 3]));
    overlay(&mut image, &sitter(0, 310), 30, 150);
    overlay(&mut image, &sitter(1, 440), 420, 40);
    let portrait = crop(&picture(image), 256).unwrap();
    assert!(portrait.faces_found >= 2);
    assert_eq!(portrait.pixels.dimensions(), (256, 256));
    let Pixels::Opaque(image) = portrait.pixels else {
        panic!("alpha from an opaque picture");
    };
    let again = FaceFinder::new().detect(&image, &FaceSettings::default(), &mut Scratch::new());
    assert!(!again.is_empty());
    let middle = again[0].x + again[0].size as i32 / 2;
    assert!((108..=148).contains(&middle), "{again:?}");
    let share = again[0].size as f32 / 256.0;
    assert!((0.42..0.65).contains(&share), "{share}");
}

#[test]
fn a_small_picture_is_not_scaled_up() {
    let portrait = crop(&picture(sitter(0, 120)), 384).unwrap();
    let (width, height) = portrait.pixels.dimensions();
    assert_eq!(width, height);
    assert!(width <= 120, "{width}");
}

#[test]
fn a_picture_with_alpha_keeps_it_and_its_face_is_found() {
    let mut image = DynamicImage::ImageRgb8(sitter(0, 400)).into_rgba8();
    for (x, _, pixel) in image.enumerate_pixels_mut() {
        if !(60..340).contains(&x) {
            pixel.0 = [0; 4];
        }
    }
    let portrait = crop(&picture(image), 200).unwrap();
    assert!(matches!(portrait.pixels, Pixels::Alpha(_)));
}

#[test]
fn no_face_gives_no_portrait() {
    assert!(crop(&picture(RgbImage::new(300, 300)), 100).is_none());
}

#[test]
fn the_square_stays_inside_the_picture() {
    for (x, y) in [(-10, -10), (0, 150), (260, 0), (230, 240), (100, 100)] {
        for margin in [-1.0, 0.0, 0.4, 3.0, 50.0] {
            let face = Face { x, y, size: 80, score: 9.0 };
            let (left, top, side) = square_around(&face, margin, (320, 300));
            assert!(left >= 0.0 && top >= 0.0, "{left} {top} {side}");
            assert!(left + side <= 320.0 && top + side <= 300.0, "{left} {top} {side}");
        }
    }
}
