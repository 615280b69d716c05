//! Scaling, with the buffers kept between pictures.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{RgbImage, RgbaImage};

use super::picture::Pixels;

/// What scaling and pasting reuse from one picture to the next. Keep one per thread.
#[derive(Debug, Default)]
pub struct Scratch {
    resizer: Resizer,
    /// What looking for faces reuses.
    pub(super) faces: super::face::Buffers,
}

impl Scratch {
    /// Empty buffers, which grow to the largest picture they meet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Scales the part of `pixels` that has the target's aspect, taken from the middle, to
    /// `width` × `height` pixels.
    pub fn cover(&mut self, pixels: &Pixels, width: u32, height: u32) -> Pixels {
        let (from_width, from_height) = pixels.dimensions();
        let enlarges = from_width <= width && from_height <= height;
        // Where there is nothing to average, four pixels a side show as much as six.
        let filter = if enlarges { FilterType::CatmullRom } else { FilterType::Lanczos3 };
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).fit_into_destination(None);
        self.scale(pixels, width, height, &options)
    }

    /// Scales the square at (`left`, `top`) of `side` pixels to `target` × `target` pixels. The
    /// square must lie inside the picture.
    pub(super) fn square(&mut self, pixels: &Pixels, (left, top, side): (f64, f64, f64), target: u32) -> Pixels {
        let options = lanczos().crop(left, top, side, side);
        self.scale(pixels, target, target, &options)
    }

    /// Scales fast and smooth, for looking at rather than showing.
    pub(super) fn thumbnail(&mut self, image: &RgbImage, width: u32, height: u32) -> RgbImage {
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
        self.scale_rgb(image, width, height, &options)
    }

    fn scale(&mut self, pixels: &Pixels, width: u32, height: u32, options: &ResizeOptions) -> Pixels {
        match pixels {
            Pixels::Opaque(image) => Pixels::Opaque(self.scale_rgb(image, width, height, options)),
            Pixels::Alpha(image) => {
                let raw =
                    self.scale_raw((image.as_raw(), image.dimensions(), PixelType::U8x4), (width, height), options);
                Pixels::Alpha(RgbaImage::from_raw(width, height, raw).expect("four bytes a pixel"))
            }
        }
    }

    fn scale_rgb(&mut self, image: &RgbImage, width: u32, height: u32, options: &ResizeOptions) -> RgbImage {
        let raw = self.scale_raw((image.as_raw(), image.dimensions(), PixelType::U8x3), (width, height), options);
        RgbImage::from_raw(width, height, raw).expect("three bytes a pixel")
    }

    fn scale_raw(
        &mut self,
        (raw, (width, height), pixel): (&[u8], (u32, u32), PixelType),
        target: (u32, u32),
        options: &ResizeOptions,
    ) -> Vec<u8> {
        let source = ImageRef::new(width, height, raw, pixel).expect("the image owns its pixels");
        let mut scaled = Image::new(target.0, target.1, pixel);
        self.resizer
            .resize(&source, &mut scaled, options)
            .expect("the crop lies inside and both images have the same pixel type");
        scaled.into_vec()
    }
}

fn lanczos() -> ResizeOptions {
    ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
}
