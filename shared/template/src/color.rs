//! Colours in the notation of a template.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// An sRGB colour with straight (not premultiplied) alpha.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color {
    /// Red.
    pub red: u8,
    /// Green.
    pub green: u8,
    /// Blue.
    pub blue: u8,
    /// 0 is invisible, 255 opaque.
    pub alpha: u8,
}

/// The text is not a colour.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a colour; write \"#rrggbb\", \"#rgb\" or, with opacity, \"#rrggbbaa\"")]
pub struct ColorError(String);

impl Color {
    /// Creates an opaque colour.
    #[must_use]
    pub const fn rgb(red: u8, green: u8, blue: u8) -> Self {
        Self { red, green, blue, alpha: 255 }
    }

    /// Returns `[red, green, blue, alpha]`.
    #[must_use]
    pub const fn rgba(self) -> [u8; 4] {
        [self.red, self.green, self.blue, self.alpha]
    }

    /// Returns the WCAG relative luminance, 0 (black) to 1 (white), without alpha.
    #[must_use]
    pub fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }
}

impl FromStr for Color {
    type Err = ColorError;

    fn from_str(text: &str) -> Result<Self, ColorError> {
        let error = || ColorError(text.to_owned());
        let digits = text.strip_prefix('#').ok_or_else(error)?;
        let digits: Vec<u8> = digits
            .chars()
            .map(|digit| digit.to_digit(16).map(|value| value as u8))
            .collect::<Option<_>>()
            .ok_or_else(error)?;
        let pair = |at: usize| digits[at] * 16 + digits[at + 1];
        match digits.len() {
            3 => Ok(Self::rgb(digits[0] * 17, digits[1] * 17, digits[2] * 17)),
            6 => Ok(Self::rgb(pair(0), pair(2), pair(4))),
            8 => Ok(Self { alpha: pair(6), ..Self::rgb(pair(0), pair(2), pair(4)) }),
            _ => Err(error()),
        }
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { red, green, blue, alpha } = self;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")?;
        if *alpha == 255 { Ok(()) } else { write!(f, "{alpha:02x}") }
    }
}

impl Serialize for Color {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_three_ways_to_write_a_colour_are_read() {
        assert_eq!("#fa0".parse(), Ok(Color::rgb(255, 170, 0)));
        assert_eq!("#0A0b0C".parse(), Ok(Color::rgb(10, 11, 12)));
        assert_eq!("#00000080".parse(), Ok(Color { red: 0, green: 0, blue: 0, alpha: 128 }));
    }

    #[test]
    fn anything_else_is_refused_with_the_way_to_write_it() {
        for text in ["", "red", "#12", "#12345g", "123456", "#é23"] {
            let error = text.parse::<Color>().unwrap_err();
            assert!(error.to_string().contains("#rrggbb"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_colour_written_and_read_is_the_same(bytes: [u8; 4]) {
            let [red, green, blue, alpha] = bytes;
            let color = Color { red, green, blue, alpha };
            prop_assert_eq!(color.to_string().parse::<Color>(), Ok(color));
        }
    }
}
