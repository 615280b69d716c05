use std::sync::Arc;

use image::RgbImage;

use super::{Bounds, Scratch, Splices, Template, Whole, jpeg};
use crate::encode::Format;
use crate::frame::Frame;

const JPEG: Format = Format::Jpeg { quality: 90 };

/// Widths and heights around the sizes of cells, pieces, units and intervals.
const SIZES: [(u32, u32); 10] =
    [(1, 1), (2, 3), (16, 16), (64, 1), (65, 17), (128, 16), (129, 33), (200, 150), (300, 47), (1_040, 20)];

/// Pseudo-random numbers that are the same in every run.
struct Dice(u32);

impl Dice {
    fn roll(&mut self, below: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((u64::from(self.0) * u64::from(below)) >> 32) as u32
    }

    /// A stretch within `0..length`, which may be empty or complete.
    fn stretch(&mut self, length: u32) -> std::ops::Range<u32> {
        let from = self.roll(length);
        from..from + self.roll(length - from + 1)
    }
}

/// A picture that is smooth on the left, noisy on the right, and flat at the top.
fn base(width: u32, height: u32, dice: &mut Dice) -> Arc<RgbImage> {
    Arc::new(RgbImage::from_fn(width, height, |x, y| {
        let noise = if x > width / 2 { dice.roll(40) } else { 0 };
        let level = if y < height / 4 { 30 } else { x + 2 * y };
        image::Rgb([level + noise, level / 2 + noise, 200].map(|value| value as u8))
    }))
}

/// Draws some rectangles of noise or of one colour, also at the picture's edges, and redraws some existing pixels.
fn draw(frame: &mut Frame, base: &Arc<RgbImage>, dice: &mut Dice) {
    let mut canvas = frame.begin(base);
    for _ in 0..dice.roll(4) {
        let (columns, rows, kind) = (dice.stretch(base.width()), dice.stretch(base.height()), dice.roll(3));
        for y in rows {
            let line = (y * base.width() * 3) as usize;
            let from = line + columns.start as usize * 3;
            let pixels = canvas.span(y, columns.clone());
            match kind {
                0 => pixels.fill(255),
                1 => pixels.iter_mut().for_each(|value| *value = dice.roll(256) as u8),
                _ => pixels.copy_from_slice(&base.as_raw()[from..from + columns.len() * 3]),
            }
        }
    }
}

/// The declared places of slots, which may be true or false.
fn likely(base: &RgbImage, dice: &mut Dice) -> Vec<Bounds> {
    let span = |range: std::ops::Range<u32>| range.start as usize..range.end as usize;
    let slot = |dice: &mut Dice| Bounds {
        columns: span(dice.stretch(base.width().div_ceil(2))),
        rows: span(dice.stretch(base.height())),
    };
    (0..dice.roll(3)).map(|_| slot(dice)).collect()
}

fn template(base: &Arc<RgbImage>) -> Template<'_> {
    let sample = || {
        let mut frame = Frame::default();
        draw(&mut frame, base, &mut Dice(7));
        frame
    };
    Template { base, version: "test", sample: Box::new(sample) }
}

fn encode(splices: &Splices, base: &Arc<RgbImage>, frame: &Frame, format: Format) -> Vec<u8> {
    splices.encode(&template(base), frame, format, &mut Scratch::default()).unwrap()
}

#[test]
fn a_png_shows_exactly_the_frame() {
    let mut dice = Dice(1);
    for (width, height) in SIZES {
        for _ in 0..4 {
            let base = base(width, height, &mut dice);
            let mut splices = Splices::new(likely(&base, &mut dice));
            if let Some(Whole::Personal { .. }) = splices.whole(&template(&base), Format::Png) {
                splices = Splices::new(Vec::new());
            }
            assert_eq!(splices.whole(&template(&base), Format::Png), None);
            let (mut frame, mut scratch) = (Frame::default(), Scratch::default());
            for _ in 0..10 {
                draw(&mut frame, &base, &mut dice);
                let out = splices.encode(&template(&base), &frame, Format::Png, &mut scratch).unwrap();
                let shown = image::load_from_memory(&out).unwrap().into_rgb8();
                assert!(shown == *frame.image(), "{width}×{height}");
            }
        }
    }
}

#[test]
fn a_jpeg_is_byte_for_byte_what_coding_the_whole_frame_gives() {
    let mut dice = Dice(2);
    for (width, height) in SIZES {
        let base = base(width, height, &mut dice);
        let splices = Splices::new(Vec::new());
        assert_eq!(splices.whole(&template(&base), JPEG), None);
        let (mut frame, mut scratch) = (Frame::default(), Scratch::default());
        for _ in 0..25 {
            draw(&mut frame, &base, &mut dice);
            let out = splices.encode(&template(&base), &frame, JPEG, &mut scratch).unwrap();
            assert!(out == jpeg::encode_whole(frame.image(), 90).unwrap(), "{width}×{height}");
        }
    }
}

#[test]
fn a_jpeg_shows_the_frame() {
    let base = base(300, 200, &mut Dice(3));
    let mut frame = Frame::default();
    let mut canvas = frame.begin(&base);
    for y in 60..140 {
        canvas.span(y, 90..290).iter_mut().zip(0..).for_each(|(value, x)| *value = (x / 6 + y) as u8);
    }
    let out = encode(&Splices::new(Vec::new()), &base, &frame, Format::Jpeg { quality: 95 });
    let shown = image::load_from_memory(&out).unwrap().into_rgb8();
    let off: u64 = shown.as_raw().iter().zip(frame.image().as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    let mean = off as f64 / frame.image().as_raw().len() as f64;
    assert!(mean < 6.0, "{mean}");
}

#[test]
fn formats_and_qualities_of_one_template_keep_apart_and_few_are_kept() {
    let base = base(64, 64, &mut Dice(4));
    let splices = Splices::new(Vec::new());
    let mut frame = Frame::default();
    frame.begin(&base);
    let bytes = |quality| encode(&splices, &base, &frame, Format::Jpeg { quality });
    let (low, high) = (bytes(40), bytes(95));
    assert!(low.len() < high.len());
    assert_eq!(bytes(40), low);
    assert_eq!((bytes(0), bytes(255)), (bytes(1), bytes(100)), "out of range is brought into it");
    (10..90).for_each(|quality| drop(bytes(quality)));
    assert_eq!(splices.kept.lock().unwrap().len(), super::KEPT);
    assert_eq!(bytes(40), low);
}

#[test]
fn a_picture_of_many_bytes_the_template_lacks_still_codes() {
    let base = Arc::new(RgbImage::new(256, 256));
    let mut frame = Frame::default();
    let mut canvas = frame.begin(&base);
    for y in 0..256 {
        canvas.span(y, 0..256).iter_mut().zip(0..).for_each(|(value, x)| *value = ((x * 7) ^ (y * 13)) as u8);
    }
    let out = encode(&Splices::new(Vec::new()), &base, &frame, Format::Png);
    assert!(image::load_from_memory(&out).unwrap().into_rgb8() == *frame.image());
    // The worst case is fifteen bits per byte.
    assert!(out.len() < 256 * 256 * 6);
}

#[test]
fn what_cannot_be_spliced_is_encoded_whole_and_says_why() {
    let base = base(200, 100, &mut Dice(5));
    let mut frame = Frame::default();
    draw(&mut frame, &base, &mut Dice(6));
    let most = Splices::new(vec![
        Bounds { columns: 0..160, rows: 0..100 },
        // A second box at the same place covers nothing more.
        Bounds { columns: 0..160, rows: 0..100 },
    ]);
    let wide = Arc::new(RgbImage::new(65_536, 1));
    let none = Splices::new(Vec::new());
    for (splices, base, format, expected) in [
        (&most, &base, Format::Png, Whole::Personal { percent: 77 }),
        (&most, &base, JPEG, Whole::Personal { percent: 77 }),
        (&none, &base, Format::WebP, Whole::Format),
        (&none, &wide, JPEG, Whole::Size),
    ] {
        assert_eq!(splices.whole(&template(base), format), Some(expected.clone()), "{format:?}");
        assert!(!expected.to_string().is_empty());
    }
    for format in [Format::Png, Format::WebP] {
        let out = encode(&most, &base, &frame, format);
        assert!(image::load_from_memory(&out).unwrap().into_rgb8() == *frame.image(), "{format:?}");
    }
}

#[test]
fn a_template_whose_sample_differs_is_encoded_whole() {
    let base = base(200, 100, &mut Dice(8));
    // This frame claims to be untouched but is not, as if a drawing routine had evaded the canvas.
    let other = Arc::new(RgbImage::from_pixel(200, 100, image::Rgb([9; 3])));
    let lying = || {
        let mut frame = Frame::default();
        frame.begin(&other);
        frame.claim(&base);
        frame
    };
    for format in [Format::Png, JPEG] {
        let template = Template { base: &base, version: "test", sample: Box::new(lying) };
        assert_eq!(Splices::new(Vec::new()).whole(&template, format), Some(Whole::Differs));
    }
}

#[test]
fn a_frame_of_another_template_is_encoded_as_it_is() {
    let (base, other) = (base(80, 40, &mut Dice(9)), Arc::new(RgbImage::new(80, 40)));
    let mut frame = Frame::default();
    draw(&mut frame, &other, &mut Dice(10));
    let out = encode(&Splices::new(Vec::new()), &base, &frame, Format::Png);
    assert!(image::load_from_memory(&out).unwrap().into_rgb8() == *frame.image());
}
