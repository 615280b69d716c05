//! Makes a small copy of a finished picture, for lists.

use image::{RgbImage, RgbaImage};

use super::{
    encode::{EncodeError, Format, encode},
    picture::{PictureError, Pixels, decode},
    resize::Scratch,
};

/// The quality of the copies: they are looked at, and not kept.
const FORMAT: Format = Format::Jpeg { quality: 82 };

/// Why there is no small copy.
#[derive(Debug, thiserror::Error)]
pub enum ThumbnailError {
    /// The picture cannot be read.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The copy cannot be written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Returns a JPEG of at most `width` pixels in width, with the picture's proportions. It is CPU-bound, as
/// [`decode`] is.
pub fn thumbnail(bytes: &[u8], width: u32) -> Result<Vec<u8>, ThumbnailError> {
    let picture = decode(bytes)?;
    let (whole_width, whole_height) = picture.dimensions();
    let width = width.clamp(1, whole_width.max(1));
    let height = (u64::from(whole_height) * u64::from(width) / u64::from(whole_width.max(1))).max(1);
    let height = u32::try_from(height).unwrap_or(u32::MAX);
    let small = match width == whole_width {
        true => picture.pixels,
        false => Scratch::new().cover(&picture.pixels, width, height),
    };
    let mut copy = Vec::new();
    encode(&on_white(small), FORMAT, &mut copy)?;
    Ok(copy)
}

fn on_white(pixels: Pixels) -> RgbImage {
    let on_white = |image: &RgbaImage| {
        RgbImage::from_fn(image.width(), image.height(), |x, y| {
            let [red, green, blue, alpha] = image.get_pixel(x, y).0.map(u16::from);
            let over = |colour: u16| ((colour * alpha + 255 * (255 - alpha)) / 255) as u8;
            [over(red), over(green), over(blue)].into()
        })
    };
    match pixels {
        Pixels::Opaque(image) => image,
        Pixels::Alpha(image) => on_white(&image),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let image = RgbImage::from_fn(width, height, |x, y| [(x % 251) as u8, (y % 241) as u8, 90].into());
        encode(&image, Format::Png, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_copy_has_the_proportions_and_is_never_larger() {
        for ((width, height), wanted, expected) in
            [((1080, 1350), 320, (320, 400)), ((200, 50), 320, (200, 50)), ((3000, 1), 10, (10, 1))]
        {
            let copy = thumbnail(&drawn(width, height), wanted).unwrap();
            assert_eq!(decode(&copy).unwrap().dimensions(), expected);
        }
        assert!(thumbnail(&drawn(1080, 1350), 320).unwrap().len() < 40_000);
    }

    #[test]
    fn what_is_no_picture_has_no_copy() {
        assert!(matches!(thumbnail(b"a picture", 320), Err(ThumbnailError::Picture(_))));
    }
}
