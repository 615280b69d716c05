//! The part of a picture that a person chose by hand.

use serde::{Deserialize, Serialize};

/// A square part of a picture, in percent, so that it means the same at every size of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CropArea {
    /// Where the square begins from the left, in percent of the width.
    #[schema(minimum = 0, maximum = 100)]
    pub left: f64,
    /// Where the square begins from the top, in percent of the height.
    #[schema(minimum = 0, maximum = 100)]
    pub top: f64,
    /// The side of the square, in percent of the picture's shorter side.
    #[schema(minimum = 5, maximum = 100)]
    pub side: f64,
}

impl CropArea {
    /// The first field that is out of its range, and what is right.
    pub fn fault(&self) -> Option<(&'static str, String)> {
        let fields = [("left", self.left, 0.0), ("top", self.top, 0.0), ("side", self.side, 5.0)];
        let wrong = fields.into_iter().find(|(_, value, least)| !(*least..=100.0).contains(value));
        wrong.map(|(name, value, least)| (name, format!("{name} is {value}: use a number from {least} to 100")))
    }

    /// Left, top and side in pixels of a picture of this size. The square is moved to lie inside of it.
    pub fn square(&self, (width, height): (u32, u32)) -> (f64, f64, f64) {
        let (width, height) = (f64::from(width), f64::from(height));
        let side = (width.min(height) * self.side.clamp(1.0, 100.0) / 100.0).max(1.0);
        let left = (width * self.left / 100.0).clamp(0.0, (width - side).max(0.0));
        let top = (height * self.top / 100.0).clamp(0.0, (height - side).max(0.0));
        (left, top, side)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_square_lies_inside_of_every_picture() {
        let area = CropArea { left: 90.0, top: 50.0, side: 50.0 };
        assert_eq!(area.square((400, 200)), (300.0, 100.0, 100.0));
        for size in [(1, 1), (3, 1_000), (1_000, 3)] {
            let (left, top, side) = area.square(size);
            assert!(left >= 0.0 && left + side <= f64::from(size.0).max(side), "{left} {side}");
            assert!(top >= 0.0 && top + side <= f64::from(size.1).max(side), "{top} {side}");
        }
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let fault = |left, side| CropArea { left, top: 0.0, side }.fault().map(|(name, _)| name);
        assert_eq!(fault(0.0, 100.0), None);
        assert_eq!(fault(-1.0, 100.0), Some("left"));
        assert_eq!(fault(f64::NAN, 100.0), Some("left"));
        assert_eq!(fault(0.0, 4.0), Some("side"));
    }
}
