//! Decodes the bytes that a stranger sent into upright pixels, or explains why that is impossible.
//!
//! The content decides the format, never the name or the declared type. Sizes are checked in the header before a pixel
//! is decoded: a forged header of 20 KB could otherwise demand gigabytes. The result contains only pixels: EXIF, GPS
//! positions, ICC profiles and comments are dropped.

mod jpeg;
mod sniff;

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, Limits, RgbImage, RgbaImage};

/// The longest side, in pixels.
pub const MAX_SIDE: u32 = 10_000;
/// The largest number of pixels in a picture: 40 megapixels.
pub const MAX_PIXELS: u64 = 40_000_000;
/// The longest file, in bytes (64 MiB).
pub const MAX_BYTES: usize = 64 << 20;
/// The largest amount of memory for a decoder, in bytes (192 MiB).
const MAX_MEMORY: u64 = 192 << 20;

/// The supported formats of pictures.
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

/// 8-bit sRGB pixels. They have alpha only if some pixel is not opaque.
#[derive(Clone, Debug, PartialEq)]
pub enum Pixels {
    /// Every pixel is opaque.
    Opaque(RgbImage),
    /// Some pixels are not opaque. The alpha is straight (not premultiplied).
    Alpha(RgbaImage),
}

impl Pixels {
    /// Returns width and height in pixels.
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
    /// Drops an alpha channel of opaque pixels, so that later steps are faster.
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
    /// The format of the file.
    pub format: PictureFormat,
    /// Whether EXIF asked for a turn or a flip, which was applied.
    pub turned: bool,
}

impl Picture {
    /// Returns width and height in pixels, upright.
    pub fn dimensions(&self) -> (u32, u32) {
        self.pixels.dimensions()
    }
}

/// Why bytes are not a usable picture. The message names the cure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// The file has no bytes.
    #[error("the picture is empty (0 bytes): upload it again")]
    Empty,
    /// The file is of another kind.
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
        /// The length of the file.
        bytes: usize,
    },
    /// The header declares too many pixels.
    #[error(
        "the picture is {width}×{height} pixels: at most {MAX_SIDE} a side and {} megapixels are read, \
         so save a smaller copy",
        MAX_PIXELS / 1_000_000
    )]
    TooManyPixels {
        /// The declared width.
        width: u32,
        /// The declared height.
        height: u32,
    },
    /// The file stops before its end.
    #[error("the {format} picture is cut off: it was not copied or uploaded whole, so send it again")]
    Truncated {
        /// The format of the file.
        format: PictureFormat,
    },
    /// The decoder cannot understand the content.
    #[error("the {format} picture is damaged ({detail}): open it in an image program and save it again")]
    Corrupt {
        /// The format of the file.
        format: PictureFormat,
        /// The decoder's error.
        detail: String,
    },
}

/// Decodes a JPEG, PNG, WebP or GIF picture and turns it upright.
///
/// It is CPU-bound (about 4 ms per megapixel) and synchronous: do not call it on async threads. A panic in a decoder is
/// returned as [`PictureError::Corrupt`].
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
            // The decoder's own limits also refuse a large header, but do not report its size.
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
    // A picture within the pixel limit can still need too much memory at 16 bits per channel.
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
            // Some decoders wrap the premature end of the data in an error of their own.
            if text.to_lowercase().contains("unexpected e") {
                return PictureError::Truncated { format };
            }
            PictureError::Corrupt { format, detail: text }
        }
    }
}

#[cfg(test)]
mod tests;
