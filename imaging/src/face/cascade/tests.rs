//! The crate `rustface` runs the same model, so it is the reference: the boxes and scores must be the same for every
//! picture that it can process.

use std::sync::LazyLock;

use image::imageops::{FilterType, crop_imm, flip_horizontal, resize, rotate90};
use image::{GrayImage, Luma};
use proptest::prelude::*;

use super::super::MODEL;
use super::super::tests::group_photograph;
use super::*;

static GROUP: LazyLock<GrayImage> = LazyLock::new(|| image::DynamicImage::from(group_photograph()).into_luma8());

fn gray(picture: &GrayImage) -> Gray<'_> {
    Gray::new(picture.as_raw(), picture.width() as usize, picture.height() as usize)
}

fn theirs(picture: &GrayImage, step: f32, score: f64) -> Vec<Window> {
    let mut detector = rustface::create_detector_with_model(rustface::read_model(MODEL).unwrap());
    detector.set_pyramid_scale_factor(step);
    detector.set_score_thresh(score);
    let faces = detector.detect(&rustface::ImageData::new(picture.as_raw(), picture.width(), picture.height()));
    let window = |face: &rustface::FaceInfo| {
        let bbox = face.bbox();
        Window { x: bbox.x(), y: bbox.y(), size: bbox.width(), score: face.score() }
    };
    faces.iter().map(window).collect()
}

/// Whether `rustface` stays within its buffers. It leaves them if a pyramid level is smaller than the window. It also
/// leaves them if a network moves a window off the picture or shrinks it to nothing.
fn they_can_be_asked(model: &Model, picture: &Gray, step: f32) -> bool {
    let shortest = picture.width.min(picture.height) as f32;
    let least = WINDOW as f32 / shortest;
    let mut scales = std::iter::successors(Some(1.0_f32), |scale| Some(scale * step)).take_while(|s| *s >= least);
    if scales.any(|scale| ((shortest * scale) as usize) < WINDOW) {
        return false;
    }
    let mut buffers = Buffers::default();
    let mut windows = scan(model, picture, step, &mut buffers);
    for judge in &model.judges {
        if !windows.iter().all(|window| window.can_be_looked_at(picture)) {
            return false;
        }
        judge.keep(&mut windows, picture, &mut buffers);
        if let Some(limit) = judge.merge {
            merge(&mut windows, limit);
        }
    }
    true
}

/// Returns a pseudo-random number from 0 to 255.
fn noise(x: u32, y: u32, seed: u32) -> u8 {
    let mixed = (x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77) ^ seed).wrapping_mul(0xc2b2_ae3d);
    ((mixed ^ (mixed >> 15)).wrapping_mul(0x2c1b_3c6d) >> 24) as u8
}

/// People of the group photograph: cropped, scaled, turned, darkened, with noise.
fn people(width: u32, height: u32, seed: u32) -> GrayImage {
    let side = 70 + seed % 400;
    let (x, y) = (seed / 7 % (1600 - side), seed / 13 % (800 - side));
    let part = crop_imm(&*GROUP, x, y, side, side * height / width.max(1) + 1).to_image();
    let filter = if seed.is_multiple_of(2) { FilterType::Triangle } else { FilterType::Nearest };
    let mut picture = resize(&part, width, height, filter);
    if seed.is_multiple_of(3) {
        picture = flip_horizontal(&picture);
    }
    if seed.is_multiple_of(11) {
        picture = rotate90(&picture);
    }
    let (range, rough) = (100 + seed % 156, seed / 5 % 40);
    for (x, y, Luma([pixel])) in picture.enumerate_pixels_mut() {
        let value = u32::from(*pixel) * range / 255 + u32::from(noise(x, y, seed)) * rough / 255;
        *pixel = value.min(255) as u8;
    }
    picture
}

fn picture(kind: u32, width: u32, height: u32, seed: u32) -> GrayImage {
    let shade = |paint: &dyn Fn(u32, u32) -> u32| GrayImage::from_fn(width, height, |x, y| Luma([paint(x, y) as u8]));
    let size = 2 + seed % 30;
    match kind {
        0 => shade(&|x, y| u32::from(noise(x, y, seed))),
        1 => shade(&|x, y| x * (seed % 5) + y * (seed / 5 % 5)),
        2 => shade(&|x, y| if (x / size + y / size).is_multiple_of(2) { 255 } else { seed % 200 }),
        3 => shade(&|x, y| u32::from(noise(x / size, y / size, seed))),
        4 => shade(&|x, y| ((f64::from(x * x + y * y) / f64::from(size * 50)).sin() * 127.0 + 128.0) as u32),
        _ => people(width, height, seed),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn boxes_and_scores_are_those_of_the_reference(
        kind in 0..12_u32, width in 40..400_u32, height in 40..400_u32, seed: u32,
        step in prop_oneof![Just(0.8_f32), 0.5..0.95_f32], score in 0.05..4.0_f64,
    ) {
        let model = Model::parse(MODEL).unwrap();
        let picture = picture(kind, width, height, seed);
        prop_assume!(they_can_be_asked(&model, &gray(&picture), step));
        let ours = find(&model, &gray(&picture), step, score, &mut Buffers::default());
        let theirs = theirs(&picture, step, score);
        let boxes = |faces: &[Window]| faces.iter().map(|face| (face.x, face.y, face.size)).collect::<Vec<_>>();
        prop_assert_eq!(boxes(&ours), boxes(&theirs));
        for (ours, theirs) in ours.iter().zip(&theirs) {
            prop_assert!((ours.score - theirs.score).abs() < 1e-4, "{:?} {:?}", ours, theirs);
        }
    }
}

#[test]
fn the_group_photographs_faces_are_those_of_the_reference() {
    let model = Model::parse(MODEL).unwrap();
    let picture = resize(&*GROUP, 833, 568, FilterType::Triangle);
    assert!(they_can_be_asked(&model, &gray(&picture), 0.8));
    let ours = find(&model, &gray(&picture), 0.8, 2.0, &mut Buffers::default());
    assert!(ours.len() >= 10, "{ours:?}");
    assert_eq!(ours, theirs(&picture, 0.8, 2.0));
}

#[test]
fn buffers_remember_nothing_of_the_picture_before() {
    let model = Model::parse(MODEL).unwrap();
    let mut buffers = Buffers::default();
    for (width, height) in [(300, 200), (90, 130), (41, 40), (160, 160)] {
        let picture = people(width, height, 1234);
        let look = |buffers: &mut Buffers| find(&model, &gray(&picture), 0.8, 0.05, buffers);
        assert_eq!(look(&mut buffers), look(&mut Buffers::default()));
    }
}

#[test]
fn a_level_just_below_the_window_is_left_out() {
    let model = Model::parse(MODEL).unwrap();
    let mut buffers = Buffers::default();
    for shortest in (38..100).step_by(3) {
        for step in (50..=95).step_by(5).map(|hundredths| hundredths as f32 / 100.0) {
            let picture = GrayImage::new(shortest, 100);
            assert!(find(&model, &gray(&picture), step, 0.05, &mut buffers).is_empty());
        }
    }
}

#[test]
fn a_window_off_the_picture_or_without_size_is_no_face() {
    let model = Model::parse(MODEL).unwrap();
    let picture = people(100, 100, 99);
    let at = |x, y, size| Window { x, y, size, score: 1.0 };
    let off = [at(-40, 0, 40), at(0, -40, 40), at(100, 0, 40), at(0, 100, 40), at(50, 50, 0), at(50, 50, 1)];
    for judge in &model.judges {
        let mut windows = off.to_vec();
        judge.keep(&mut windows, &gray(&picture), &mut Buffers::default());
        assert!(windows.is_empty(), "{windows:?}");
    }
}
