//! Notes for an admin about an invitation that was drawn with a flaw.

use std::fmt;

use super::missing::describe;

/// One note about a drawing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// No font has these characters, so they were left out.
    MissingGlyphs {
        /// The slot, such as `slot 2 "guest name" (text)`.
        slot: String,
        /// The characters, without duplicates.
        characters: Vec<String>,
    },
    /// No font has these characters, so similar ones were drawn: DejaVu lacks some letters of Urdu.
    Substituted {
        /// The slot.
        slot: String,
        /// The characters, without duplicates.
        characters: Vec<String>,
    },
    /// The text does not fit its box even at the smallest size, so its end was cut.
    Clipped {
        /// The slot.
        slot: String,
    },
    /// Neither the machine nor Herald has the font family, so the default was used.
    FontNotFound {
        /// The slot.
        slot: String,
        /// The missing family.
        family: String,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingGlyphs { slot, characters } => {
                let missing = describe(characters);
                write!(f, "{slot}: no font has {missing}; then make it again with --refresh")
            }
            Self::Substituted { slot, characters } => {
                let characters = characters.join(" ");
                write!(
                    f,
                    "{slot}: no font has {characters}, similar letters were drawn; install a font for this script \
                     and render again"
                )
            }
            Self::Clipped { slot } => {
                write!(
                    f,
                    "{slot}: the text does not fit and was cut; enlarge the box, allow more lines or a smaller min_size"
                )
            }
            Self::FontNotFound { slot, family } => {
                write!(
                    f,
                    "{slot}: no font \"{family}\" is installed, the default is used; add the font file to the template"
                )
            }
        }
    }
}
