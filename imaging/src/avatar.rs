//! The replacement for a missing picture: a calm colour that is always the same for the same name. Initials are set on
//! it, or a figure is drawn if the name has none.

use image::{Rgb, RgbImage};
use sha2::{Digest, Sha256};

use super::shape::mix;

/// The number of evenly spaced hues.
const HUES: u16 = 18;
/// The lightness (OKLab, 0 to 1) at the top and the bottom. White text on the lighter colour still has a contrast above
/// 4.5 (WCAG AA).
const LIGHTNESS: (f32, f32) = (0.54, 0.40);
const CHROMA: f32 = 0.105;

/// A drawn avatar.
#[derive(Clone, Debug)]
pub struct Avatar {
    /// The image, which is square.
    pub image: RgbImage,
    /// The colour of the initials.
    pub ink: [u8; 3],
}

/// Draws a square of `side` pixels, shaded in the colour of `seed` (the guest's name), for initials.
pub fn draw_avatar(side: u32, seed: &str) -> Avatar {
    let hue = hue_of(seed);
    let mut image = RgbImage::new(side, side);
    for (y, row) in image.rows_mut().enumerate() {
        let down = (y as f32 + 0.5) / side as f32;
        let lightness = LIGHTNESS.0 + (LIGHTNESS.1 - LIGHTNESS.0) * down;
        let color = Rgb(oklch_to_srgb(lightness, CHROMA, hue));
        row.for_each(|pixel| *pixel = color);
    }
    Avatar { image, ink: [255; 3] }
}

/// Draws the same square with head and shoulders, for a guest without usable initials.
pub fn draw_figure(side: u32, seed: &str) -> Avatar {
    let mut avatar = draw_avatar(side, seed);
    let whole = side as f32;
    for (x, y, pixel) in avatar.image.enumerate_pixels_mut() {
        let (x, y) = ((x as f32 + 0.5) / whole, (y as f32 + 0.5) / whole);
        let head = ellipse(x - 0.5, y - 0.385, 0.165, 0.18);
        let shoulders = ellipse(x - 0.5, y - 0.98, 0.335, 0.345);
        let cover = (0.5 - head.min(shoulders) * whole).clamp(0.0, 1.0);
        let alpha = (cover * 225.0).round() as u32;
        for (channel, ink) in pixel.0.iter_mut().zip(avatar.ink) {
            *channel = mix(*channel, ink, alpha);
        }
    }
    avatar
}

/// Returns an approximate signed distance from an ellipse's edge, negative inside.
fn ellipse(x: f32, y: f32, radius_x: f32, radius_y: f32) -> f32 {
    ((x / radius_x).hypot(y / radius_y) - 1.0) * radius_x.min(radius_y)
}

/// Returns the hue of a seed, in degrees.
fn hue_of(seed: &str) -> f32 {
    let digest = Sha256::digest(seed.trim().to_lowercase());
    let pick = u16::from_be_bytes([digest[0], digest[1]]) % HUES;
    f32::from(pick) * 360.0 / f32::from(HUES)
}

/// Converts OKLCh to 8-bit sRGB, by the matrices of the OKLab definition (B. Ottosson, 2020).
fn oklch_to_srgb(lightness: f32, chroma: f32, hue: f32) -> [u8; 3] {
    let (sin, cos) = hue.to_radians().sin_cos();
    let (a, b) = (chroma * cos, chroma * sin);
    let l = (lightness + 0.396_337_78 * a + 0.215_803_76 * b).powi(3);
    let m = (lightness - 0.105_561_346 * a - 0.063_854_17 * b).powi(3);
    let s = (lightness - 0.089_484_18 * a - 1.291_485_5 * b).powi(3);
    [
        4.076_741_7 * l - 3.307_711_6 * m + 0.230_969_94 * s,
        -1.268_438 * l + 2.609_757_4 * m - 0.341_319_4 * s,
        -0.004_196_086 * l - 0.703_418_6 * m + 1.707_614_7 * s,
    ]
    .map(|linear| {
        let linear = linear.clamp(0.0, 1.0);
        let encoded = if linear <= 0.003_130_8 { 12.92 * linear } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 };
        (encoded * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::{Avatar, draw_avatar, draw_figure};

    #[test]
    fn the_same_name_gives_the_same_picture() {
        let Avatar { image, .. } = draw_avatar(64, "Ada Example");
        assert_eq!(image, draw_avatar(64, " ada example ").image);
    }

    #[test]
    fn names_spread_over_the_colours() {
        let colors: std::collections::HashSet<[u8; 3]> =
            (0..200).map(|n| draw_avatar(1, &format!("Guest {n}")).image.get_pixel(0, 0).0).collect();
        assert!(colors.len() >= 15, "{} colours", colors.len());
    }

    #[test]
    fn white_initials_stay_readable_on_every_colour() {
        for n in 0..200 {
            let avatar = draw_avatar(32, &format!("Guest {n}"));
            let lightest = avatar.image.get_pixel(16, 0).0;
            assert!(contrast_with_white(lightest) >= 4.5, "{lightest:?}");
        }
    }

    #[test]
    fn the_figure_stands_in_the_middle() {
        let image = draw_figure(100, "").image;
        let ground = draw_avatar(100, "").image;
        for (x, y, drawn) in [(50, 38, true), (50, 95, true), (5, 5, false), (95, 60, false)] {
            assert_eq!(image.get_pixel(x, y) != ground.get_pixel(x, y), drawn, "{x},{y}");
        }
    }

    fn contrast_with_white(color: [u8; 3]) -> f32 {
        let [r, g, b] = color.map(|c| {
            let c = f32::from(c) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        });
        1.05 / (0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05)
    }
}
