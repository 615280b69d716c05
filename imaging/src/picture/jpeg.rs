//! JPEG, with checks that the decoders omit.
//!
//! The segments are read first. That finds the true end of the image (decoders silently fill a truncated picture with
//! gray), the size before any allocation, and a reliable decoder. zune-jpeg decodes nearly everything, fast. But it
//! silently turns sequential images with components in separate scans into green noise (seen up to 0.5.15). So the
//! slower jpeg-decoder handles those images.

mod segments;

use std::io::Cursor;

use image::RgbImage;
use image::metadata::Orientation;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use self::segments::{Coding, Outline};
use super::{MAX_MEMORY, MAX_SIDE, PictureError, PictureFormat, check_size};

/// The largest product of pixels and scans. Each scan of a progressive image costs a pass over all its blocks, however
/// few bytes it has. A large camera image in the usual ten scans stays below the limit.
const MAX_SCANNED_PIXELS: u64 = 600_000_000;

pub(super) fn decode(bytes: &[u8]) -> Result<(RgbImage, Orientation), PictureError> {
    let outline = segments::walk(bytes)?;
    let (width, height) = (outline.width, outline.height);
    check_size(width, height)?;
    if u64::from(width) * u64::from(height) * u64::from(outline.scans) > MAX_SCANNED_PIXELS {
        return Err(corrupt("it has too many scans"));
    }
    let image = if outline.coding == Coding::Sequential && outline.scans > 1 {
        decode_scan_by_scan(bytes, &outline)?
    } else {
        decode_fast(bytes, &outline)?
    };
    let orientation = outline.exif.and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms);
    Ok((image, orientation))
}

fn decode_fast(bytes: &[u8], outline: &Outline<'_>) -> Result<RgbImage, PictureError> {
    // Without Adobe's marker, CMYK follows the standard (0 is no ink), but zune-jpeg assumes Adobe's form (255 is no
    // ink). So it returns the raw channels.
    let plain_cmyk = outline.components == 4 && !outline.adobe;
    let output = if plain_cmyk { ColorSpace::CMYK } else { ColorSpace::RGB };
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(MAX_SIDE as usize)
        .set_max_height(MAX_SIDE as usize)
        .jpeg_set_out_colorspace(output);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(fault)?;
    if decoder.dimensions() != Some((outline.width as usize, outline.height as usize)) {
        return Err(corrupt("it states two different sizes"));
    }
    let mut pixels = vec![0; outline.pixels() * output.num_components()];
    decoder.decode_into(&mut pixels).map_err(fault)?;
    let rgb = if plain_cmyk { cmyk_to_rgb(&pixels, 255) } else { pixels };
    from_raw(outline, rgb)
}

fn decode_scan_by_scan(bytes: &[u8], outline: &Outline<'_>) -> Result<RgbImage, PictureError> {
    use jpeg_decoder::PixelFormat;

    let mut decoder = jpeg_decoder::Decoder::new(Cursor::new(bytes));
    decoder.set_max_decoding_buffer_size(usize::try_from(MAX_MEMORY).unwrap_or(usize::MAX));
    let pixels = decoder.decode().map_err(|error| corrupt(error.to_string()))?;
    let info = decoder.info().ok_or_else(|| corrupt("it has no frame"))?;
    let rgb = match info.pixel_format {
        PixelFormat::RGB24 => pixels,
        PixelFormat::L8 => pixels.into_iter().flat_map(|luma| [luma; 3]).collect(),
        // The decoder inverts the values with or without Adobe's marker.
        PixelFormat::CMYK32 => cmyk_to_rgb(&pixels, if outline.adobe { 255 } else { 0 }),
        PixelFormat::L16 => return Err(corrupt("it has more than 8 bits a channel")),
    };
    from_raw(outline, rgb)
}

/// Converts CMYK to RGB. `no_ink_flip` is 255 where 0 means no ink, and 0 where 255 means no ink.
fn cmyk_to_rgb(cmyk: &[u8], no_ink_flip: u8) -> Vec<u8> {
    let mut rgb = Vec::with_capacity(cmyk.len() / 4 * 3);
    for pixel in cmyk.chunks_exact(4) {
        let black = u16::from(pixel[3] ^ no_ink_flip);
        rgb.extend(pixel[..3].iter().map(|ink| {
            let light = u16::from(ink ^ no_ink_flip) * black;
            // The result is at most 255, because both factors are.
            ((light + 127) / 255) as u8
        }));
    }
    rgb
}

fn from_raw(outline: &Outline<'_>, rgb: Vec<u8>) -> Result<RgbImage, PictureError> {
    RgbImage::from_raw(outline.width, outline.height, rgb).ok_or_else(|| corrupt("its pixels end early"))
}

fn fault(error: DecodeErrors) -> PictureError {
    match error {
        DecodeErrors::ExhaustedData => PictureError::Truncated { format: PictureFormat::Jpeg },
        error => corrupt(format!("{error:?}")),
    }
}

fn corrupt(detail: impl Into<String>) -> PictureError {
    PictureError::Corrupt { format: PictureFormat::Jpeg, detail: detail.into() }
}

/// The number of scans in a complete file.
#[cfg(test)]
pub(super) fn scans(bytes: &[u8]) -> u32 {
    segments::walk(bytes).expect("a whole file").scans
}
