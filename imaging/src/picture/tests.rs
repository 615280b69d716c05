use image::codecs::gif::GifEncoder;
use image::{ExtendedColorType, Frame, GrayImage, ImageEncoder, Rgb, Rgba};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use proptest::prelude::*;

use super::*;

const RED: [u8; 3] = [200, 30, 30];
const GREEN: [u8; 3] = [30, 160, 40];
const BLUE: [u8; 3] = [30, 40, 200];
const WHITE: [u8; 3] = [240, 240, 240];

/// Red and green above, blue and white below: 48×32, so that every turn and flip is visible.
fn quarters() -> RgbImage {
    RgbImage::from_fn(48, 32, |x, y| {
        Rgb(match (x < 24, y < 16) {
            (true, true) => RED,
            (false, true) => GREEN,
            (true, false) => BLUE,
            (false, false) => WHITE,
        })
    })
}

fn jpeg_with(image: &RgbImage, change: impl FnOnce(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, 95);
    change(&mut encoder);
    let (width, height) = (image.width() as u16, image.height() as u16);
    encoder.encode(image.as_raw(), width, height, ColorType::Rgb).unwrap();
    out
}

fn jpeg(image: &RgbImage) -> Vec<u8> {
    jpeg_with(image, |_| ())
}

fn png_of(raw: &[u8], color: png::ColorType, depth: png::BitDepth, size: (u32, u32)) -> Vec<u8> {
    png_with(raw, size, |encoder| {
        encoder.set_color(color);
        encoder.set_depth(depth);
    })
}

fn png_with(
    raw: &[u8],
    (width, height): (u32, u32),
    change: impl FnOnce(&mut png::Encoder<'_, &mut Vec<u8>>),
) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    change(&mut encoder);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(raw).unwrap();
    writer.finish().unwrap();
    out
}

fn webp(image: &RgbImage, exif: Option<Vec<u8>>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = image_webp::WebPEncoder::new(&mut out);
    if let Some(exif) = exif {
        encoder.set_exif_metadata(exif);
    }
    let (width, height) = image.dimensions();
    encoder.encode(image.as_raw(), width, height, image_webp::ColorType::Rgb8).unwrap();
    out
}

/// A TIFF structure with one entry, the orientation, in either byte order.
fn exif(orientation: u16, big_endian: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let mut short = |value: u16| {
        out.extend(if big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
    };
    // After the order mark: 42, offset 8, one entry: tag 0x0112, type SHORT, count 1, value, end.
    let words: &[u16] = if big_endian {
        &[0x4d4d, 42, 0, 8, 1, 0x0112, 3, 0, 1, orientation, 0, 0, 0]
    } else {
        &[0x4949, 42, 8, 0, 1, 0x0112, 3, 1, 0, orientation, 0, 0, 0]
    };
    words.iter().for_each(|word| short(*word));
    out
}

fn rgb(picture: &Picture) -> &RgbImage {
    match &picture.pixels {
        Pixels::Opaque(image) => image,
        Pixels::Alpha(_) => panic!("the picture has alpha"),
    }
}

/// The places of the stored picture's corners for each EXIF orientation: top left, top right, bottom left, bottom right
/// (EXIF 2.32, tag 0x0112).
fn corners_after(orientation: u16) -> [[u8; 3]; 4] {
    match orientation {
        1 => [RED, GREEN, BLUE, WHITE],
        2 => [GREEN, RED, WHITE, BLUE],
        3 => [WHITE, BLUE, GREEN, RED],
        4 => [BLUE, WHITE, RED, GREEN],
        5 => [RED, BLUE, GREEN, WHITE],
        6 => [BLUE, RED, WHITE, GREEN],
        7 => [WHITE, GREEN, BLUE, RED],
        _ => [GREEN, WHITE, RED, BLUE],
    }
}

fn assert_corners(image: &RgbImage, expected: [[u8; 3]; 4], what: &str) {
    let (right, bottom) = (image.width() - 5, image.height() - 5);
    let places = [(4, 4), (right, 4), (4, bottom), (right, bottom)];
    for ((x, y), expected) in places.into_iter().zip(expected) {
        let found = image.get_pixel(x, y).0;
        let near = found.iter().zip(expected).all(|(f, e)| f.abs_diff(e) <= 8);
        assert!(near, "{what}: ({x}, {y}) is {found:?}, not {expected:?}");
    }
}

#[test]
fn every_orientation_is_turned_upright_in_every_format() {
    let image = quarters();
    for orientation in 1..=8 {
        for big_endian in [true, false] {
            let exif = exif(orientation, big_endian);
            let files = [
                jpeg_with(&image, |e| e.add_exif_metadata(&exif).unwrap()),
                png_of(image.as_raw(), png::ColorType::Rgb, png::BitDepth::Eight, (48, 32)),
                webp(&image, Some(exif.clone())),
            ];
            let files = files.map(|file| if file.starts_with(b"\x89PNG") { png_with_exif(&file, &exif) } else { file });
            for file in files {
                let picture = decode(&file).unwrap();
                let what = format!("{} orientation {orientation}", picture.format);
                let turned_side = orientation >= 5;
                let size = if turned_side { (32, 48) } else { (48, 32) };
                assert_eq!(picture.dimensions(), size, "{what}");
                assert_eq!(picture.turned, orientation != 1, "{what}");
                assert_corners(rgb(&picture), corners_after(orientation), &what);
            }
        }
    }
}

/// Puts an eXIf chunk after the header.
fn png_with_exif(png: &[u8], exif: &[u8]) -> Vec<u8> {
    const AFTER_HEADER: usize = 8 + 25;
    let mut chunk = b"eXIf".to_vec();
    chunk.extend(exif);
    let checksum = crc32(&chunk);
    let mut out = png[..AFTER_HEADER].to_vec();
    out.extend((exif.len() as u32).to_be_bytes());
    out.extend(chunk);
    out.extend(checksum.to_be_bytes());
    out.extend(&png[AFTER_HEADER..]);
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes
        .iter()
        .fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1))))
}

#[test]
fn an_impossible_orientation_is_ignored() {
    let file = jpeg_with(&quarters(), |e| {
        e.add_exif_metadata(&exif(99, true)).unwrap();
    });
    let picture = decode(&file).unwrap();
    assert!(!picture.turned);
    assert_corners(rgb(&picture), corners_after(1), "orientation 99");
}

#[test]
fn progressive_and_subsampled_jpegs_decode() {
    let image = quarters();
    for sampling in [SamplingFactor::F_1_1, SamplingFactor::F_2_1, SamplingFactor::F_1_2, SamplingFactor::F_2_2] {
        for progressive in [false, true] {
            let file = jpeg_with(&image, |e| {
                e.set_sampling_factor(sampling);
                e.set_progressive(progressive);
            });
            let what = format!("{sampling:?}, progressive {progressive}");
            assert_corners(rgb(&decode(&file).unwrap()), corners_after(1), &what);
        }
    }
}

#[test]
fn a_jpeg_in_several_sequential_scans_keeps_its_colours() {
    let image = quarters();
    for sampling in [SamplingFactor::F_1_1, SamplingFactor::F_2_2] {
        let file = jpeg_with(&image, |e| {
            e.set_optimized_huffman_tables(true);
            e.set_sampling_factor(sampling);
        });
        assert!(jpeg::scans(&file) > 1, "the encoder wrote one scan");
        let picture = decode(&file).unwrap();
        assert_corners(rgb(&picture), corners_after(1), &format!("{sampling:?}"));
    }
}

#[test]
fn a_gray_jpeg_becomes_gray_rgb() {
    let mut file = Vec::new();
    Encoder::new(&mut file, 95).encode(&[90; 16 * 16], 16, 16, ColorType::Luma).unwrap();
    assert_eq!(rgb(&decode(&file).unwrap()).get_pixel(8, 8).0, [90; 3]);
}

/// The colours of the picture as ink, where 0 means none; black is left out. The encoder stores it in Adobe's form.
fn ink() -> Vec<u8> {
    let pixels = quarters().into_raw();
    pixels.chunks_exact(3).flat_map(|p| [255 - p[0], 255 - p[1], 255 - p[2], 0]).collect()
}

#[test]
fn adobe_cmyk_and_ycck_come_out_in_the_right_colours() {
    for kind in [ColorType::Cmyk, ColorType::CmykAsYcck] {
        for several_scans in [false, true] {
            let mut file = Vec::new();
            let mut encoder = Encoder::new(&mut file, 95);
            encoder.set_sampling_factor(SamplingFactor::F_1_1);
            encoder.set_optimized_huffman_tables(several_scans);
            encoder.encode(&ink(), 48, 32, kind).unwrap();
            let what = format!("{kind:?}, several scans {several_scans}");
            assert_corners(rgb(&decode(&file).unwrap()), corners_after(1), &what);
        }
    }
}

#[test]
fn cmyk_without_adobes_marker_is_read_as_the_standard_has_it() {
    // The values are inverted before the encoder inverts them again.
    let plain: Vec<u8> = ink().iter().map(|ink| 255 - ink).collect();
    for several_scans in [false, true] {
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, 95);
        encoder.set_sampling_factor(SamplingFactor::F_1_1);
        encoder.set_optimized_huffman_tables(several_scans);
        encoder.encode(&plain, 48, 32, ColorType::Cmyk).unwrap();
        let at = file.windows(5).position(|w| w == b"Adobe").unwrap();
        file.drain(at - 4..at + 12);
        let what = format!("several scans {several_scans}");
        assert_corners(rgb(&decode(&file).unwrap()), corners_after(1), &what);
    }
}

#[test]
fn pngs_of_every_kind_become_eight_bit_rgb() {
    let deep: Vec<u8> = [0x80, 0x12, 0x40, 0x34, 0x20, 0x56].repeat(16);
    let file = png_of(&deep, png::ColorType::Rgb, png::BitDepth::Sixteen, (4, 4));
    let found = rgb(&decode(&file).unwrap()).get_pixel(1, 1).0;
    assert!(found.iter().zip([0x80, 0x40, 0x20]).all(|(f, e)| f.abs_diff(e) <= 1), "{found:?}");

    let file = png_of(&[0b1010_0000; 4], png::ColorType::Grayscale, png::BitDepth::One, (4, 4));
    let picture = decode(&file).unwrap();
    assert_eq!(rgb(&picture).get_pixel(0, 0).0, [255; 3]);
    assert_eq!(rgb(&picture).get_pixel(1, 0).0, [0; 3]);

    let file = png_with(&[0, 1, 1, 0], (2, 2), |encoder| {
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_palette([RED, BLUE].concat());
    });
    let picture = decode(&file).unwrap();
    assert_eq!(rgb(&picture).get_pixel(0, 0).0, RED);
    assert_eq!(rgb(&picture).get_pixel(1, 0).0, BLUE);
}

#[test]
fn alpha_is_kept_where_it_hides_something_and_dropped_where_not() {
    let half = [[10, 20, 30, 128]; 16].concat();
    let file = png_of(&half, png::ColorType::Rgba, png::BitDepth::Eight, (4, 4));
    let Pixels::Alpha(image) = decode(&file).unwrap().pixels else {
        panic!("the alpha channel is lost");
    };
    assert_eq!(image.get_pixel(2, 2), &Rgba([10, 20, 30, 128]));

    let full = [[10, 20, 30, 255]; 16].concat();
    let file = png_of(&full, png::ColorType::Rgba, png::BitDepth::Eight, (4, 4));
    assert_eq!(rgb(&decode(&file).unwrap()).get_pixel(2, 2).0, [10, 20, 30]);
}

#[test]
fn a_palettes_transparent_entry_is_transparent() {
    let file = png_with(&[0, 1, 1, 0], (2, 2), |encoder| {
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_palette([RED, BLUE].concat());
        encoder.set_trns([255, 0].as_slice());
    });
    let Pixels::Alpha(image) = decode(&file).unwrap().pixels else {
        panic!("the transparency is lost");
    };
    assert_eq!(image.get_pixel(1, 0).0[3], 0);
}

#[test]
fn the_first_frame_of_a_gif_is_taken() {
    let mut file = Vec::new();
    let frame = |color: [u8; 3]| {
        let [r, g, b] = color;
        Frame::new(RgbaImage::from_pixel(20, 10, Rgba([r, g, b, 255])))
    };
    GifEncoder::new(&mut file).encode_frames([frame(RED), frame(BLUE)]).unwrap();
    let picture = decode(&file).unwrap();
    assert_eq!(picture.format, PictureFormat::Gif);
    let found = rgb(&picture).get_pixel(10, 5).0;
    assert!(found.iter().zip(RED).all(|(f, e)| f.abs_diff(e) <= 8), "{found:?}");
}

#[test]
fn bytes_after_the_end_of_a_jpeg_are_ignored() {
    let mut file = jpeg(&quarters());
    file.extend(b"data a phone appends \xff\xd8\xff");
    assert!(decode(&file).is_ok());
}

#[test]
fn a_thumbnail_inside_a_jpeg_does_not_count_as_its_end() {
    let mut block = exif(1, true);
    block.extend(jpeg(&quarters()));
    let file = jpeg_with(&quarters(), |e| e.add_exif_metadata(&block).unwrap());
    assert!(decode(&file).is_ok());
    assert_eq!(decode(&file[..file.len() - 2]).unwrap_err(), truncated(PictureFormat::Jpeg));
}

fn truncated(format: PictureFormat) -> PictureError {
    PictureError::Truncated { format }
}

#[test]
fn a_truncated_picture_is_refused_wherever_it_is_cut() {
    // The image is noise, so that the image data are most of the file.
    let noise = RgbImage::from_fn(64, 64, |x, y| {
        let n = (x * 7919 + y * 104_729).wrapping_mul(2_654_435_761) >> 8;
        Rgb([n as u8, (n >> 5) as u8, (n >> 10) as u8])
    });
    let files = [
        jpeg(&noise),
        jpeg_with(&noise, |e| e.set_progressive(true)),
        png_of(noise.as_raw(), png::ColorType::Rgb, png::BitDepth::Eight, (64, 64)),
        webp(&noise, None),
    ];
    for file in files {
        let format = decode(&file).unwrap().format;
        for tenth in 2..10 {
            let cut = &file[..file.len() * tenth / 10];
            assert_eq!(decode(cut).unwrap_err(), truncated(format), "{tenth} tenths");
        }
    }
}

#[test]
fn a_truncated_gif_is_refused() {
    let mut file = Vec::new();
    let image = RgbaImage::from_fn(64, 64, |x, y| Rgba([(x * y) as u8, x as u8, y as u8, 255]));
    GifEncoder::new(&mut file).encode_frame(Frame::new(image)).unwrap();
    for tenth in 5..9 {
        let cut = &file[..file.len() * tenth / 10];
        assert_eq!(decode(cut).unwrap_err(), truncated(PictureFormat::Gif), "{tenth} tenths");
    }
}

#[test]
fn no_bytes_and_too_many_bytes_are_refused() {
    assert_eq!(decode(&[]).unwrap_err(), PictureError::Empty);
    let bytes = MAX_BYTES + 1;
    assert_eq!(decode(&vec![0xff; bytes]).unwrap_err(), PictureError::TooBig { bytes });
}

#[test]
fn other_files_are_refused_by_name() {
    let utf16 = "\u{feff}<!DOCTYPE html><html>".encode_utf16();
    let utf16: Vec<u8> = utf16.flat_map(u16::to_le_bytes).collect();
    for (bytes, name) in [
        (&b"<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"/>"[..], "an SVG file"),
        (b"  <!doctype HTML><title>Sign in</title>", "an HTML page"),
        (&utf16, "an HTML page"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC picture"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0", "a HEIC picture"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "an AVIF picture"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0", "a video file"),
        (b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0", "a BMP picture"),
        (b"II*\0\x08\0\0\0", "a TIFF"),
        (b"MM\0*\0\0\0\x08", "a TIFF"),
        (b"%PDF-1.7", "a PDF document"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\xff\x0a\0\0", "a JPEG XL picture"),
        (b"{\"error\":\"not found\"}", "a text file"),
        (b"\x01\x02\x03\xfe\xff", "a file of an unknown kind"),
        (b"\xff\xd8", "a file of an unknown kind"),
    ] {
        let message = decode(bytes).unwrap_err().to_string();
        assert!(message.starts_with(&format!("this is {name}")), "{message}");
        assert!(message.contains("save it as JPEG, PNG or WebP"), "{message}");
    }
}

#[test]
fn a_huge_png_header_is_refused_before_decoding() {
    let mut header = b"IHDR".to_vec();
    header.extend(50_000_u32.to_be_bytes());
    header.extend(50_000_u32.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    file.extend(&header);
    file.extend(crc32(&header).to_be_bytes());
    file.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
    assert_too_many_pixels(&file, 50_000, 50_000);
}

fn assert_too_many_pixels(file: &[u8], width: u32, height: u32) {
    assert_eq!(decode(file).unwrap_err(), PictureError::TooManyPixels { width, height });
}

#[test]
fn a_jpeg_whose_header_lies_about_its_size_is_refused() {
    let mut file = jpeg(&quarters());
    let frame = file.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    file[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
    assert_too_many_pixels(&file, 65_535, 65_535);
    // The size is within the limit for a side, but not within the limit for a picture.
    file[frame + 5..frame + 9].copy_from_slice(&[0x27, 0x10, 0x27, 0x10]);
    assert_too_many_pixels(&file, 10_000, 10_000);
}

#[test]
fn huge_gif_and_webp_headers_are_refused() {
    let mut gif = b"GIF89a\xff\xff\xff\xff\0\0\0".to_vec();
    gif.extend(b",\0\0\0\0\xff\xff\xff\xff\0\x02\x02L\x01\0;");
    assert_too_many_pixels(&gif, 65_535, 65_535);

    let mut file = webp(&quarters(), None);
    let at = file.windows(4).position(|w| w == b"VP8L").unwrap() + 9;
    // The fields are 14 bits each, of width - 1 and height - 1.
    file[at..at + 4].copy_from_slice(&0x0fff_bffe_u32.to_le_bytes());
    assert_too_many_pixels(&file, 16_383, 16_383);
}

#[test]
fn a_gif_frame_larger_than_its_screen_is_bounded() {
    let mut gif = b"GIF89a\x08\0\x08\0\x80\0\0\0\0\0\xff\xff\xff".to_vec();
    gif.extend(b",\0\0\0\0\xff\xff\xff\xff\0\x02\x02L\x01\0;");
    assert!(decode(&gif).is_err());
}

#[test]
fn a_jpeg_with_too_many_scans_is_refused() {
    let side = 3_000;
    let mut file = jpeg_with(&RgbImage::new(side, side), |e| e.set_progressive(true));
    let scan = file.windows(2).rposition(|w| w == [0xff, 0xda]).unwrap();
    let end = file.len() - 2;
    let last = file[scan..end].to_vec();
    file.truncate(end);
    for _ in 0..100 {
        file.extend(&last);
    }
    file.extend([0xff, 0xd9]);
    let message = decode(&file).unwrap_err().to_string();
    assert!(message.contains("too many scans"), "{message}");
}

#[test]
fn jpegs_of_rare_kinds_are_refused_by_name() {
    let file = jpeg(&quarters());
    let frame = file.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    for (marker, name) in [(0xc3, "a lossless JPEG"), (0xc9, "an arithmetic-coded JPEG"), (0xc5, "a hierarchical JPEG")]
    {
        let mut file = file.clone();
        file[frame + 1] = marker;
        assert_eq!(decode(&file).unwrap_err(), PictureError::NotAPicture { found: name });
    }
}

#[test]
fn gps_and_comments_do_not_survive() {
    let mut block = exif(1, true);
    block.extend(b"GPS 48.2082 N");
    let file = jpeg_with(&quarters(), |e| e.add_exif_metadata(&block).unwrap());
    let picture = decode(&file).unwrap();
    let mut out = Vec::new();
    for format in [crate::encode::Format::Png, crate::encode::Format::DEFAULT, crate::encode::Format::WebP] {
        crate::encode::encode(rgb(&picture), format, &mut out).unwrap();
        for trace in [&b"GPS"[..], b"Exif", b"eXIf", b"EXIF"] {
            assert!(!out.windows(trace.len()).any(|w| w == trace), "{format:?}");
        }
    }
}

/// One small file of each kind.
fn samples() -> Vec<Vec<u8>> {
    let image = quarters();
    let gray = GrayImage::from_pixel(9, 9, image::Luma([77]));
    let mut gray_png = Vec::new();
    image::codecs::png::PngEncoder::new(&mut gray_png).write_image(gray.as_raw(), 9, 9, ExtendedColorType::L8).unwrap();
    let mut gif = Vec::new();
    GifEncoder::new(&mut gif).encode_frame(Frame::new(RgbaImage::from_pixel(12, 7, Rgba([1, 2, 3, 255])))).unwrap();
    let mut cmyk = Vec::new();
    Encoder::new(&mut cmyk, 80).encode(&ink(), 48, 32, ColorType::CmykAsYcck).unwrap();
    vec![
        jpeg_with(&image, |e| e.add_exif_metadata(&exif(6, false)).unwrap()),
        jpeg_with(&image, |e| e.set_progressive(true)),
        jpeg_with(&image, |e| e.set_optimized_huffman_tables(true)),
        cmyk,
        png_of(image.as_raw(), png::ColorType::Rgb, png::BitDepth::Eight, (48, 32)),
        gray_png,
        webp(&image, Some(exif(8, true))),
        gif,
    ]
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), start in 0..9_usize) {
        let mut file = samples().get(start).map_or_else(Vec::new, |s| s[..s.len().min(16)].to_vec());
        file.extend(bytes);
        let _ = decode(&file);
    }

    #[test]
    fn damaged_pictures_never_panic(
        sample in 0..8_usize,
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8_u8), 1..12),
        cut in any::<prop::sample::Index>(),
        whole in any::<bool>(),
    ) {
        let mut file = samples().swap_remove(sample);
        for (at, bit) in flips {
            let at = at.index(file.len());
            file[at] ^= 1 << bit;
        }
        if !whole {
            file.truncate(cut.index(file.len()));
        }
        if let Ok(picture) = decode(&file) {
            let (width, height) = picture.dimensions();
            prop_assert!(u64::from(width) * u64::from(height) <= MAX_PIXELS);
        }
    }
}
