//! Scales pictures, with buffers that are kept between them.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8x3, U8x4};
use fast_image_resize::{Filter, FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};
use image::{RgbImage, RgbaImage};

use super::picture::Pixels;

/// Buffers that scaling and pasting reuse from one picture to the next. Keep one per thread.
#[derive(Debug, Default)]
pub struct Scratch {
    resizer: Resizer,
    /// The buffers of the face detector.
    pub(super) faces: super::face::Buffers,
}

impl Scratch {
    /// Creates empty buffers, which grow to the largest picture.
    pub fn new() -> Self {
        Self::default()
    }

    /// Scales the largest centred part of `pixels` with the target's aspect ratio to `width` × `height` pixels.
    pub fn cover(&mut self, pixels: &Pixels, width: u32, height: u32) -> Pixels {
        let (from_width, from_height) = pixels.dimensions();
        let enlarges = from_width <= width && from_height <= height;
        // If nothing is averaged, four pixels per side show as much as six.
        let filter = if enlarges { catmull_rom() } else { FilterType::Lanczos3 };
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).fit_into_destination(None);
        self.scale(pixels, width, height, &options)
    }

    /// Scales the square at (`left`, `top`) of `side` pixels to `target` × `target` pixels. The
    /// square must lie inside the picture.
    pub(super) fn square(&mut self, pixels: &Pixels, (left, top, side): (f64, f64, f64), target: u32) -> Pixels {
        let options = lanczos().crop(left, top, side, side);
        self.scale(pixels, target, target, &options)
    }

    /// Scales fast and smoothly, for analysis rather than display.
    pub(super) fn thumbnail(&mut self, image: &RgbImage, width: u32, height: u32) -> RgbImage {
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
        self.scale_rgb(image, width, height, &options)
    }

    fn scale(&mut self, pixels: &Pixels, width: u32, height: u32, options: &ResizeOptions) -> Pixels {
        match pixels {
            Pixels::Opaque(image) => Pixels::Opaque(self.scale_rgb(image, width, height, options)),
            Pixels::Alpha(image) => {
                let raw = self.scale_raw::<U8x4>(image.as_raw(), image.dimensions(), (width, height), options);
                Pixels::Alpha(RgbaImage::from_raw(width, height, raw).expect("four bytes a pixel"))
            }
        }
    }

    fn scale_rgb(&mut self, image: &RgbImage, width: u32, height: u32, options: &ResizeOptions) -> RgbImage {
        let raw = self.scale_raw::<U8x3>(image.as_raw(), image.dimensions(), (width, height), options);
        RgbImage::from_raw(width, height, raw).expect("three bytes a pixel")
    }

    /// With the type of pixel named, the crate's code for the eleven others is not even compiled.
    fn scale_raw<P: PixelTrait>(
        &mut self,
        raw: &[u8],
        (width, height): (u32, u32),
        target: (u32, u32),
        options: &ResizeOptions,
    ) -> Vec<u8> {
        let source = TypedImageRef::<P>::from_buffer(width, height, raw).expect("the image owns its pixels");
        let mut scaled = vec![0; target.0 as usize * target.1 as usize * P::size()];
        let mut into = TypedImage::<P>::from_buffer(target.0, target.1, &mut scaled).expect("it is as large");
        self.resizer.resize_typed(&source, &mut into, options).expect("the crop lies inside");
        scaled
    }
}

/// Returns Catmull-Rom with no exact zero within its two pixels. The crate omits zeros at the ends of a sum, and
/// assumes that the first and the last target pixel reach furthest. But a target pixel exactly on a source pixel then
/// reaches no further than that pixel, and its neighbours' sums exceeded the reserved space.
fn catmull_rom() -> FilterType {
    fn weight(x: f64) -> f64 {
        let x = x.abs();
        let weight = match x {
            _ if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            _ if x < 2.0 => ((2.5 - 0.5 * x) * x - 4.0) * x + 2.0,
            _ => return 0.0,
        };
        if weight == 0.0 { f64::MIN_POSITIVE } else { weight }
    }
    FilterType::Custom(Filter::new("Catmull-Rom", weight, 2.0).expect("it reaches further than nothing"))
}

fn lanczos() -> ResizeOptions {
    ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    /// The middle half of 33 pixels becomes 33: the first and the last one lie exactly on a source pixel.
    #[test]
    fn pixels_that_lie_upon_source_pixels_take_nothing_from_their_neighbours_sums() {
        let red = Rgb([250, 10, 20]);
        let picture = RgbImage::from_pixel(33, 21, red).into();
        for (width, height) in [(33, 42), (66, 42), (40, 84), (99, 63)] {
            let Pixels::Opaque(scaled) = Scratch::new().cover(&picture, width, height) else { panic!("it is opaque") };
            assert!(scaled.pixels().all(|pixel| *pixel == red), "{width} × {height}");
        }
    }

    #[test]
    fn every_enlargement_of_a_few_pixels_is_drawn() {
        for from in 1..12 {
            let picture = RgbImage::from_fn(from, 7, |x, y| Rgb([(x * 20) as u8, (y * 30) as u8, 90])).into();
            for width in from..40 {
                for height in 7..30 {
                    Scratch::new().cover(&picture, width, height);
                }
            }
        }
    }
}
