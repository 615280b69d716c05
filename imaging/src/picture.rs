//! Turns bytes a stranger sent into upright pixels, or says why not.
//!
//! The content decides what a file is, never its name or declared type. Sizes are checked on the
//! header, before a pixel is decoded: a forged header of 20 KB can otherwise ask for gigabytes.
//! Only pixels come out: EXIF, GPS positions, ICC profiles and comments end here.

mod jpeg;
mod sniff;

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, Limits, RgbImage, RgbaImage};

/// Longest side, in pixels.
pub const MAX_SIDE: u32 = 10_000;
/// Most pixels in one picture: 40 megapixels.
pub const MAX_PIXELS: u64 = 40_000_000;
/// Longest file, in bytes (64 MiB).
pub const MAX_BYTES: usize = 64 << 20;
/// Most memory a decoder may ask for, in bytes (192 MiB).
const MAX_MEMORY: u64 = 192 << 20;

/// The formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureFormat {
    /// JPEG, baseline and progressive, gray, colour and CMYK.
    Jpeg,
    /// PNG, any depth and colour type.
    Png,
    /// WebP, lossy and lossless; the first frame of an animation.
    WebP,
    /// GIF, the first frame.
    Gif,
}

impl std::fmt::Display for PictureFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WebP",
            Self::Gif => "GIF",
        })
    }
}

/// 8-bit sRGB pixels; with alpha only when some pixel is not opaque.
#[derive(Clone, Debug, PartialEq)]
pub enum Pixels {
    /// Every pixel is opaque.
    Opaque(RgbImage),
    /// Straight (not premultiplied) alpha.
    Alpha(RgbaImage),
}

impl Pixels {
    /// Width and height in pixels.
    pub fn dimensions(&self) -> (u32, u32) {
        match self {
            Self::Opaque(image) => image.dimensions(),
            Self::Alpha(image) => image.dimensions(),
        }
    }
}

impl From<RgbImage> for Pixels {
    fn from(image: RgbImage) -> Self {
        Self::Opaque(image)
    }
}

impl From<RgbaImage> for Pixels {
    /// Drops an alpha channel that hides nothing, so that later steps take the faster way.
    fn from(image: RgbaImage) -> Self {
        if image.as_raw().chunks_exact(4).all(|p| p[3] == 255) {
            Self::Opaque(DynamicImage::ImageRgba8(image).into_rgb8())
        } else {
            Self::Alpha(image)
        }
    }
}

/// A decoded picture, upright.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The pixels, with the EXIF orientation applied.
    pub pixels: Pixels,
    /// What the file was.
    pub format: PictureFormat,
    /// Whether EXIF asked for a turn or a flip, which has been done.
    pub turned: bool,
}

impl Picture {
    /// Width and height in pixels, upright.
    pub fn dimensions(&self) -> (u32, u32) {
        self.pixels.dimensions()
    }
}

/// Why bytes are not a usable picture; the message says what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// No bytes at all.
    #[error("the picture is empty (0 bytes): upload it again")]
    Empty,
    /// Some other kind of file.
    #[error("this is {found}, which Herald does not read as a picture: save it as JPEG, PNG or WebP")]
    NotAPicture {
        /// The kind with its article, such as "an SVG file".
        found: &'static str,
    },
    /// The file is too long.
    #[error(
        "the picture file has {} MB, more than the {} MB allowed: save a smaller copy",
        bytes / 1_000_000,
        MAX_BYTES / 1_000_000
    )]
    TooBig {
        /// Length of the file.
        bytes: usize,
    },
    /// The header announces too many pixels.
    #[error(
        "the picture is {width}×{height} pixels: at most {MAX_SIDE} a side and {} megapixels are read, \
         so save a smaller copy",
        MAX_PIXELS / 1_000_000
    )]
    TooManyPixels {
        /// Announced width.
        width: u32,
        /// Announced height.
        height: u32,
    },
    /// The file stops before its end.
    #[error("the {format} picture is cut off: it was not copied or uploaded whole, so send it again")]
    Truncated {
        /// What the file is.
        format: PictureFormat,
    },
    /// The content makes no sense to the decoder.
    #[error("the {format} picture is damaged ({detail}): open it in an image program and save it again")]
    Corrupt {
        /// What the file is.
        format: PictureFormat,
        /// The decoder's words.
        detail: String,
    },
}

/// Decodes a JPEG, PNG, WebP or GIF picture and turns it upright.
///
/// CPU-bound (about 4 ms a megapixel) and synchronous: call it off the async threads. A panic in a
/// decoder comes back as [`PictureError::Corrupt`].
pub fn decode(bytes: &[u8]) -> Result<Picture, PictureError> {
    if bytes.is_empty() {
        return Err(PictureError::Empty);
    }
    if bytes.len() > MAX_BYTES {
        return Err(PictureError::TooBig { bytes: bytes.len() });
    }
    let format = sniff::sniff(bytes)?;
    catch_unwind(AssertUnwindSafe(|| decode_as(format, bytes)))
        .unwrap_or_else(|_| Err(PictureError::Corrupt { format, detail: "its decoder gave up".to_owned() }))
}

fn decode_as(format: PictureFormat, bytes: &[u8]) -> Result<Picture, PictureError> {
    let fault = |error| fault(format, error);
    let (image, orientation) = match format {
        PictureFormat::Jpeg => {
            let (image, orientation) = jpeg::decode(bytes)?;
            (DynamicImage::ImageRgb8(image), orientation)
        }
        PictureFormat::Png => {
            // The decoder's own limits refuse a large header too, but do not tell its size.
            if let Some((width, height)) = sniff::png_size(bytes) {
                check_size(width, height)?;
            }
            let decoder = PngDecoder::with_limits(Cursor::new(bytes), limits()).map_err(fault)?;
            through_image(decoder, format)?
        }
        PictureFormat::WebP => {
            if sniff::webp_is_cut(bytes) {
                return Err(PictureError::Truncated { format });
            }
            through_image(WebPDecoder::new(Cursor::new(bytes)).map_err(fault)?, format)?
        }
        PictureFormat::Gif => through_image(GifDecoder::new(Cursor::new(bytes)).map_err(fault)?, format)?,
    };
    let pixels =
        if image.color().has_alpha() { Pixels::from(image.into_rgba8()) } else { Pixels::from(image.into_rgb8()) };
    Ok(Picture { pixels: upright(pixels, orientation), format, turned: orientation != Orientation::NoTransforms })
}

fn through_image(
    mut decoder: impl ImageDecoder,
    format: PictureFormat,
) -> Result<(DynamicImage, Orientation), PictureError> {
    let (width, height) = decoder.dimensions();
    check_size(width, height)?;
    // A picture within the pixel cap can still ask for too much memory at 16 bits a channel.
    if decoder.total_bytes() > MAX_MEMORY {
        return Err(PictureError::TooManyPixels { width, height });
    }
    decoder.set_limits(limits()).map_err(|error| fault(format, error))?;
    // A broken EXIF block spoils the orientation, not the picture.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let image = DynamicImage::from_decoder(decoder).map_err(|error| fault(format, error))?;
    Ok((image, orientation))
}

fn upright(pixels: Pixels, orientation: Orientation) -> Pixels {
    if orientation == Orientation::NoTransforms {
        return pixels;
    }
    match pixels {
        Pixels::Opaque(image) => {
            let mut image = DynamicImage::ImageRgb8(image);
            image.apply_orientation(orientation);
            Pixels::Opaque(image.into_rgb8())
        }
        Pixels::Alpha(image) => {
            let mut image = DynamicImage::ImageRgba8(image);
            image.apply_orientation(orientation);
            Pixels::Alpha(image.into_rgba8())
        }
    }
}

fn check_size(width: u32, height: u32) -> Result<(), PictureError> {
    if width > MAX_SIDE || height > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(PictureError::TooManyPixels { width, height });
    }
    Ok(())
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_MEMORY);
    limits
}

fn fault(format: PictureFormat, error: ImageError) -> PictureError {
    use std::io::ErrorKind::UnexpectedEof;
    match error {
        ImageError::IoError(error) if error.kind() == UnexpectedEof => PictureError::Truncated { format },
        error => {
            let text = error.to_string();
            // Some decoders wrap the early end of the data in an error of their own.
            if text.to_lowercase().contains("unexpected e") {
                return PictureError::Truncated { format };
            }
            PictureError::Corrupt { format, detail: text }
        }
    }
}

#[cfg(test)]
mod tests;
