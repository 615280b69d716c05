use image::RgbImage;

use super::Splices;
use super::jpeg::JpegTemplate;
use crate::imaging::encode::Format;

const JPEG: Format = Format::Jpeg { quality: 90 };

/// Widths and heights around the sizes of pieces, units and intervals.
const SIZES: [(u32, u32); 9] =
    [(1, 1), (2, 3), (16, 16), (64, 1), (65, 17), (128, 16), (129, 33), (200, 150), (300, 47)];

/// Numbers that look random and are the same in every run.
struct Dice(u32);

impl Dice {
    fn roll(&mut self, below: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((u64::from(self.0) * u64::from(below)) >> 32) as u32
    }
}

/// Smooth on the left, noisy on the right, flat at the top.
fn base(width: u32, height: u32, dice: &mut Dice) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let noise = if x > width / 2 { dice.roll(40) } else { 0 };
        let level = if y < height / 4 { 30 } else { x + 2 * y };
        image::Rgb([level + noise, level / 2 + noise, 200].map(|value| value as u8))
    })
}

/// `base` with some rectangles of noise or one colour, also at its edges.
fn guest(base: &RgbImage, dice: &mut Dice) -> RgbImage {
    let mut frame = base.clone();
    for _ in 0..dice.roll(4) {
        let (left, top) = (dice.roll(base.width()), dice.roll(base.height()));
        let (right, bottom) = (left + dice.roll(base.width() - left + 1), top + dice.roll(base.height() - top + 1));
        let plain = dice.roll(2) == 0;
        for y in top..bottom {
            for x in left..right {
                let value = if plain { 255 } else { dice.roll(256) as u8 };
                frame.put_pixel(x, y, image::Rgb([value, value, value / 3]));
            }
        }
    }
    frame
}

#[test]
fn a_png_shows_exactly_the_frame() {
    let mut dice = Dice(1);
    for (width, height) in SIZES {
        let base = base(width, height, &mut dice);
        let splices = Splices::default();
        for _ in 0..25 {
            let frame = guest(&base, &mut dice);
            let mut out = vec![1, 2, 3];
            splices.encode(&base, &frame, Format::Png, &mut out).unwrap();
            let shown = image::load_from_memory(&out).unwrap().into_rgb8();
            assert!(shown == frame, "{width}×{height}");
        }
    }
}

#[test]
fn a_jpeg_is_byte_for_byte_what_coding_the_whole_frame_gives() {
    let mut dice = Dice(2);
    for (width, height) in SIZES {
        let base = base(width, height, &mut dice);
        let splices = Splices::default();
        for _ in 0..25 {
            let frame = guest(&base, &mut dice);
            let (mut out, mut whole) = (Vec::new(), Vec::new());
            splices.encode(&base, &frame, JPEG, &mut out).unwrap();
            // Nothing differs from itself, so this is the encoder's own file.
            JpegTemplate::new(&frame, 90).unwrap().encode(&frame, &frame, &mut whole).unwrap();
            assert!(out == whole, "{width}×{height}");
        }
    }
}

#[test]
fn a_jpeg_shows_the_frame() {
    let mut dice = Dice(3);
    let base = base(300, 200, &mut dice);
    let mut frame = base.clone();
    for y in 60..140 {
        for x in 90..290 {
            frame.put_pixel(x, y, image::Rgb([(x / 2) as u8, (y / 2) as u8, 90]));
        }
    }
    let mut out = Vec::new();
    Splices::default().encode(&base, &frame, Format::Jpeg { quality: 95 }, &mut out).unwrap();
    let shown = image::load_from_memory(&out).unwrap().into_rgb8();
    let off: u64 = shown.as_raw().iter().zip(frame.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    let mean = off as f64 / frame.as_raw().len() as f64;
    assert!(mean < 6.0, "{mean}");
}

#[test]
fn two_qualities_of_one_template_keep_apart() {
    let base = base(64, 64, &mut Dice(4));
    let splices = Splices::default();
    let bytes = |quality| {
        let mut out = Vec::new();
        splices.encode(&base, &base, Format::Jpeg { quality }, &mut out).unwrap();
        out
    };
    let (low, high) = (bytes(40), bytes(95));
    assert!(low.len() < high.len());
    assert_eq!(bytes(40), low);
}

#[test]
fn a_picture_of_many_bytes_the_template_lacks_still_codes() {
    let base = RgbImage::new(256, 256);
    let frame = RgbImage::from_fn(256, 256, |x, y| image::Rgb([x as u8 ^ y as u8, (x * 7 + y * 13) as u8, y as u8]));
    let mut out = Vec::new();
    Splices::default().encode(&base, &frame, Format::Png, &mut out).unwrap();
    assert!(image::load_from_memory(&out).unwrap().into_rgb8() == frame);
    // At worst fifteen bits a byte.
    assert!(out.len() < 256 * 256 * 6);
}
