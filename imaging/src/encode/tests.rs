use image::{Rgb, RgbImage};

use super::{EncodeError, Format, encode};
use crate::picture::{PictureFormat, Pixels, decode};

fn canvas() -> RgbImage {
    RgbImage::from_fn(61, 47, |x, y| Rgb([(x * 4) as u8, (y * 5) as u8, 128]))
}

#[test]
fn every_format_reads_back() {
    let image = canvas();
    let mut out = Vec::new();
    for (format, kind) in
        [(Format::Png, PictureFormat::Png), (Format::DEFAULT, PictureFormat::Jpeg), (Format::WebP, PictureFormat::WebP)]
    {
        encode(&image, format, &mut out).unwrap();
        let picture = decode(&out).unwrap();
        assert_eq!(picture.format, kind);
        let Pixels::Opaque(back) = picture.pixels else {
            panic!("{kind} came back with alpha");
        };
        if kind == PictureFormat::Jpeg {
            let worst = image.as_raw().iter().zip(back.as_raw()).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(worst.unwrap() <= 24, "{worst:?}");
        } else {
            assert_eq!(image, back, "{kind}");
        }
    }
}

#[test]
fn the_same_pixels_give_the_same_bytes() {
    for format in [Format::Png, Format::DEFAULT, Format::WebP] {
        let (mut first, mut second) = (Vec::new(), b"left over".to_vec());
        encode(&canvas(), format, &mut first).unwrap();
        encode(&canvas(), format, &mut second).unwrap();
        assert_eq!(first, second, "{format:?}");
    }
}

#[test]
fn a_jpeg_is_one_scan_with_halved_chroma() {
    let mut out = Vec::new();
    encode(&canvas(), Format::DEFAULT, &mut out).unwrap();
    let count = |marker: [u8; 2]| out.windows(2).filter(|w| *w == marker).count();
    assert_eq!(count([0xff, 0xda]), 1);
    let frame = out.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    assert_eq!(out[frame + 11], 0x22, "sampling of the luma channel");
}

#[test]
fn quality_trades_size() {
    let size = |quality| {
        let mut out = Vec::new();
        encode(&canvas(), Format::Jpeg { quality }, &mut out).unwrap();
        out.len()
    };
    assert!(size(40) < size(95));
    assert_eq!(size(0), size(1), "out of range is brought into it");
}

#[test]
fn sizes_a_format_cannot_hold_are_refused() {
    let mut out = Vec::new();
    let long = RgbImage::new(16_384, 1);
    let message = encode(&long, Format::WebP, &mut out).unwrap_err().to_string();
    assert!(message.contains("16383") && message.contains("16384×1"), "{message}");
    let empty = encode(&RgbImage::new(0, 5), Format::Png, &mut out).unwrap_err();
    assert!(matches!(empty, EncodeError::Empty));
}
